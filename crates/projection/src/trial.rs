//! Policies on trial: what the same ledger would have folded into under others
//! than its definitions name.

use cairn_model::{Field, Granularity, RecordType};
use cairn_policy::Policy;
use std::fmt;
use std::sync::Arc;

type Choice = dyn Fn(&RecordType, Option<&Field>) -> Option<Arc<dyn Policy + Send>> + Send + Sync;

/// Policies and a granularity in place of those in force. Nothing else of the
/// fold changes: a trial under what is in force anyway gives the same state.
#[derive(Clone)]
pub struct Trial {
    granularity: Option<Granularity>,
    choice: Arc<Choice>,
}

impl Trial {
    /// One policy for every record and field.
    pub fn everywhere(policy: Arc<dyn Policy + Send>, granularity: Granularity) -> Trial {
        Trial::choosing(Some(granularity), move |_, _| Some(Arc::clone(&policy)))
    }

    /// Policies by record type and field; `None` for the field is the record
    /// as a whole. What `choice` names no policy for, and a granularity that is
    /// not given, stays as the definition says.
    pub fn choosing(
        granularity: Option<Granularity>,
        choice: impl Fn(&RecordType, Option<&Field>) -> Option<Arc<dyn Policy + Send>>
        + Send
        + Sync
        + 'static,
    ) -> Trial {
        Trial {
            granularity,
            choice: Arc::new(choice),
        }
    }

    pub(crate) fn policy(
        &self,
        record_type: &RecordType,
        field: Option<&Field>,
    ) -> Option<Arc<dyn Policy + Send>> {
        (self.choice)(record_type, field)
    }

    pub(crate) fn granularity(&self) -> Option<Granularity> {
        self.granularity
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("granularity", &self.granularity)
            .finish_non_exhaustive()
    }
}
