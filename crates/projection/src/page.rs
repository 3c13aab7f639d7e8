//! Pages: some hundred records as one value. Storage writes and reads them
//! whole, a first download sends them as they are kept.
//!
//! Pages are never changed. A changed record is written to a new page; the
//! newest page that names a record has it. A page nothing points at any more
//! is removed, and thin ones are gathered into new ones.

mod pages;

use cairn_model::codec::{self, DecodeError};
use cairn_model::{RecordId, TypeId};
use cairn_oplog::bundle::byte_string;
use cairn_oplog::packing;
pub use pages::{Pages, PagesMark};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Records in one page.
pub const PAGE_RECORDS_MAX: usize = 256;
/// Bytes of records in one page before compression, but for a single record
/// that is larger. Below sled's limit for values with room to spare.
pub const PAGE_BYTES_MAX: usize = 96 * 1024;

/// Bytes below which a page is not compressed: it is one of single changes,
/// which others soon outdate or a gathering takes in.
const COMPRESSED_BYTES_MIN: usize = 2 * 1024;

/// What a body begins with whose records follow as they are.
const PLAIN: u8 = 0;
/// What a body begins with whose records follow compressed.
const COMPRESSED: u8 = 1;

#[derive(Deserialize)]
struct Blob(#[serde(with = "byte_string")] Vec<u8>);

/// A page on its way to storage or to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The records in it, in order.
    pub index: Vec<(RecordId, TypeId)>,
    /// Their bytes, compressed when that pays.
    #[serde(with = "byte_string")]
    pub body: Vec<u8>,
}

impl Page {
    /// Packs records.
    pub fn pack(records: Vec<(RecordId, TypeId, Vec<u8>)>) -> Page {
        let index = records
            .iter()
            .map(|(id, record_type, _)| (*id, *record_type))
            .collect();
        let room: usize = records.iter().map(|(_, _, bytes)| bytes.len() + 9).sum();
        let mut plain = Vec::with_capacity(room + 10);
        plain.push(PLAIN);
        codec::encode_onto(&records.len(), &mut plain);
        for (_, _, bytes) in &records {
            codec::encode_onto(&bytes.len(), &mut plain);
            plain.extend_from_slice(bytes);
        }
        let packed = match plain.len() < COMPRESSED_BYTES_MIN {
            true => None,
            false => packing::pack(&plain[1..]),
        };
        let body = match packed {
            Some(mut packed) => {
                packed.insert(0, COMPRESSED);
                packed
            }
            None => plain,
        };
        Page { index, body }
    }

    /// Packs any number of records into pages.
    pub fn pack_all(records: impl IntoIterator<Item = (RecordId, TypeId, Vec<u8>)>) -> Vec<Page> {
        let mut pages = Vec::new();
        let mut gathered = Vec::new();
        let mut bytes = 0;
        for record in records {
            if gathered.len() == PAGE_RECORDS_MAX
                || (bytes + record.2.len() > PAGE_BYTES_MAX && !gathered.is_empty())
            {
                pages.push(Page::pack(std::mem::take(&mut gathered)));
                bytes = 0;
            }
            bytes += record.2.len();
            gathered.push(record);
        }
        if !gathered.is_empty() {
            pages.push(Page::pack(gathered));
        }
        pages
    }

    /// The records' bytes, in the order of the index.
    pub fn unpack(&self) -> Result<Vec<Vec<u8>>, DecodeError> {
        unpack(&self.body)
    }
}

fn malformed(reason: impl ToString) -> DecodeError {
    DecodeError::Malformed {
        what: "page",
        reason: reason.to_string(),
    }
}

/// The records of a body, one behind the other.
fn plain(body: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    match body.split_first() {
        Some((&PLAIN, plain)) => Ok(Cow::Borrowed(plain)),
        Some((&COMPRESSED, packed)) => packing::unpack(packed, codec::DECODE_BYTES_MAX)
            .map(Cow::Owned)
            .map_err(malformed),
        _ => Err(malformed("it has no known form")),
    }
}

fn unpack(body: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let blobs: Vec<Blob> = codec::decode("page", &plain(body)?)?;
    Ok(blobs.into_iter().map(|blob| blob.0).collect())
}

/// The bytes of one record; those before it are passed over.
fn one_of(mut plain: &[u8], slot: u16) -> Result<Vec<u8>, DecodeError> {
    let count: u64 = codec::take("page", &mut plain)?;
    if u64::from(slot) >= count {
        return Err(malformed("it has fewer records than its index"));
    }
    for _ in 0..slot {
        next_of(&mut plain)?;
    }
    next_of(&mut plain).map(<[u8]>::to_vec)
}

fn next_of<'a>(plain: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let length: u64 = codec::take("page", plain)?;
    let parts = usize::try_from(length)
        .ok()
        .and_then(|length| plain.split_at_checked(length));
    let (next, rest) = parts.ok_or_else(|| malformed("it ends within a record"))?;
    *plain = rest;
    Ok(next)
}
