//! Runs the services of a run: starts and ends them as the world asks, lets time
//! pass, and brings the run through chaos, healing and silence.

use super::fabric::RELAY;
use super::motor::Errands;
use super::platform::SimPlatform;
use super::seat::Seat;
use super::site::Shared;
use super::thief::Talk;
use crate::check::Violation;
use crate::host::Host;
use crate::run::{LOOK, SILENCE, unexpected};
use crate::streams::Streams;
use crate::time::{SECOND, VirtualTime};
use crate::world::motor::Errand;
use cairn_net::{DeviceService, Platform, RelayHandle, RelayService, enrol_on};
use cairn_relay::AdminRequest;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// Messages of a session in which nobody has anything to say: a hello, a
/// welcome, and that nothing has changed.
const GREETINGS: u64 = 3;
/// How long nobody may have heard anything before that counts as rest.
const CALM: u64 = 20 * SECOND;

/// A service at work.
enum Service {
    Relay(RelayService),
    Device(DeviceService),
}

impl Service {
    fn kill(self) {
        match self {
            Service::Relay(service) => service.kill(),
            Service::Device(service) => service.kill(),
        }
    }

    async fn stop(self) {
        match self {
            Service::Relay(service) => service.stop().await,
            Service::Device(service) => service.stop().await,
        }
    }
}

/// Runs the services.
pub(super) struct Director {
    pub(super) site: Shared,
    pub(super) errands: Errands,
    pub(super) changed: Arc<Notify>,
    streams: Streams,
    services: BTreeMap<Host, Service>,
    /// Hostile talks so far.
    talks: u64,
    /// When the run is left as it is, if before its end.
    stop: VirtualTime,
}

impl Director {
    pub(super) fn new(
        site: Shared,
        errands: Errands,
        changed: Arc<Notify>,
        streams: Streams,
    ) -> Director {
        Director {
            site,
            errands,
            changed,
            streams,
            services: BTreeMap::new(),
            talks: 0,
            stop: VirtualTime(u64::MAX),
        }
    }

    /// Leaves the run as it is then.
    pub(super) fn stop_at(&mut self, stop: VirtualTime) {
        self.stop = stop;
    }

    fn is_over(&self) -> bool {
        self.site.now() >= self.stop
    }

    /// Brings the run to its end, to where it stops, or to the first violation.
    pub(super) async fn run(&mut self) -> Result<(), Violation> {
        let (chaos, settle) = {
            let site = self.site.site();
            let plan = site.world.view().plan();
            (plan.chaos, plan.settle)
        };
        self.until(VirtualTime(chaos)).await?;
        if self.is_over() {
            return Ok(());
        }
        let core = self.site.world(|world| world.heal());
        self.come_to_rest(&core, settle).await?;
        self.be_silent().await?;
        self.come_to_rest(&core, settle).await?;
        if self.is_over() {
            return Ok(());
        }
        self.site.world(|world| world.compare_all(&core));
        self.site.show();
        let mut site = self.site.site();
        if let Some(violation) = site.violation.take() {
            return Err(violation);
        }
        if let Some(words) = unexpected(&site.world) {
            return Err(site.found("expectation", words));
        }
        let site = &mut *site;
        let view = site.world.view();
        let mut checkers = site.checkers.iter_mut();
        checkers.try_for_each(|checker| checker.end(&view))
    }

    async fn come_to_rest(&mut self, core: &[u32], settle: u64) -> Result<(), Violation> {
        let limit = self.site.now().plus(settle);
        let (mut seen, mut since) = (0, self.site.now());
        loop {
            let next = self.site.now().plus(LOOK).min(limit);
            self.until(next).await?;
            if self.is_over() {
                return Ok(());
            }
            self.site.world(|world| world.people_start_over(core));
            let (unrest, messages) = self
                .site
                .world(|world| (world.unrest(core), world.counts().messages));
            if std::mem::replace(&mut seen, messages) != messages || !unrest.is_empty() {
                since = next;
            }
            // Who else still has a message under way cannot be seen from here.
            if next.since(since) >= CALM {
                return Ok(());
            }
            if next >= limit {
                let mut words: Vec<String> = unrest.iter().map(ToString::to_string).collect();
                if words.is_empty() {
                    words.push("messages are under way".to_owned());
                }
                return Err(self.site.site().found("liveness", words.join("; ")));
            }
        }
    }

    /// Nobody has anything to say; but links go on losing datagrams, so that a
    /// session may end, and another begin with its greetings.
    async fn be_silent(&mut self) -> Result<(), Violation> {
        let counted =
            |site: &Shared| site.world(|world| (world.counts().messages, world.counts().sessions));
        let before = counted(&self.site);
        self.until(self.site.now().plus(SILENCE)).await?;
        if self.is_over() {
            return Ok(());
        }
        let after = counted(&self.site);
        let (messages, sessions) = (after.0 - before.0, after.1 - before.1);
        if messages <= sessions * GREETINGS {
            return Ok(());
        }
        let words = format!(
            "{messages} messages were sent although everybody had everything, in {sessions} new \
             sessions"
        );
        Err(self.site.site().found("silence", words))
    }

    /// Lets everything happen up to a time.
    pub(super) async fn until(&mut self, limit: VirtualTime) -> Result<(), Violation> {
        let limit = limit.min(self.stop);
        loop {
            self.site.deliver();
            {
                let mut site = self.site.site();
                site.advance();
                if let Some(violation) = site.violation.take() {
                    return Err(violation);
                }
            }
            self.run_errands().await;
            let due = self.site.due();
            let now = self.site.now();
            if now >= limit && due.is_none_or(|due| due > now) {
                return Ok(());
            }
            let next = due.unwrap_or(limit).min(limit).max(now);
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = sleep_until(self.site.instant(next)) => {}
            }
        }
    }

    async fn run_errands(&mut self) {
        while let Some(errand) = self.errands.next() {
            self.run_errand(errand).await;
        }
    }

    async fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Serve(host) => self.serve(host).await,
            Errand::Kill(host) => {
                if let Some(service) = self.services.remove(&host) {
                    service.kill();
                }
            }
            Errand::Stop(host, down) => self.stop(host, down),
            Errand::Online(device) => {
                if let Some(Service::Device(service)) = self.services.get(&Host::Device(device)) {
                    service.handle().online().await;
                }
            }
            Errand::Offline(device) => {
                if let Some(Service::Device(service)) = self.services.get(&Host::Device(device)) {
                    service.handle().offline().await;
                }
            }
            Errand::Ask(device, request) => {
                if let Some(Service::Device(service)) = self.services.get(&Host::Device(device)) {
                    let handle = service.handle();
                    // The answer is seen where the machine gives it.
                    tokio::spawn(async move { handle.request(request).await });
                }
            }
            Errand::Admin(request) => {
                if let Some(relay) = self.relay() {
                    tokio::spawn(async move { relay.admin(request).await });
                }
            }
            Errand::Enrol(device) => self.enrol(device),
            Errand::Misuse(device, act) => {
                self.talks += 1;
                let talk = Talk {
                    site: self.site.clone(),
                    streams: self.streams,
                    device,
                    act,
                    number: self.talks,
                };
                tokio::spawn(talk.lead());
            }
            Errand::Cut(device) => {
                if let Some(relay) = self.relay() {
                    let (_, secret) = self.site.world(|world| world.owner_of(device));
                    relay.cut(secret.public().device()).await;
                }
            }
        }
    }

    fn relay(&self) -> Option<RelayHandle> {
        match self.services.get(&Host::Relay) {
            Some(Service::Relay(service)) => Some(service.handle()),
            _ => None,
        }
    }

    fn platform(&self, host: Host, life: u32) -> Arc<dyn Platform> {
        Arc::new(SimPlatform::new(
            self.site.clone(),
            self.streams,
            host,
            life,
        ))
    }

    async fn serve(&mut self, host: Host) {
        let (life, runs) = self
            .site
            .world(|world| (world.life(host), world.runs_now(host)));
        if !runs {
            return;
        }
        let platform = self.platform(host, life);
        let seat = Seat::new(self.site.clone(), host, life);
        let service = match host {
            Host::Relay => match RelayService::start_on(platform, seat, Some(RELAY)).await {
                Ok(service) => Service::Relay(service),
                Err(error) => return self.give_up(error.to_string()),
            },
            Host::Device(_) => {
                Service::Device(DeviceService::start_on(platform, seat, RELAY.to_string()))
            }
        };
        if let Some(earlier) = self.services.insert(host, service) {
            earlier.kill();
        }
    }

    fn give_up(&self, words: String) {
        let mut site = self.site.site();
        let violation = site.found("set-up", words);
        site.violation.get_or_insert(violation);
    }

    fn stop(&mut self, host: Host, down: u64) {
        let Some(service) = self.services.remove(&host) else {
            return;
        };
        let site = self.site.clone();
        let life = site.world(|world| world.life(host));
        tokio::spawn(async move {
            service.stop().await;
            site.world(|world| world.has_stopped(host, life, down));
            site.show();
        });
    }

    /// Enrols a device the way people do: with a ticket, over its own link.
    fn enrol(&mut self, device: u32) {
        let Some(relay) = self.relay() else { return };
        let (ticket, (user, secret)) = self
            .site
            .world(|world| (world.ticket_for(device), world.owner_of(device)));
        let Some(mut ticket) = ticket else { return };
        ticket.address = RELAY.to_string();
        let platform = self.platform(Host::Device(device), 0);
        let site = self.site.clone();
        tokio::spawn(async move {
            let request = AdminRequest::Ticket {
                user,
                secret: ticket.secret,
                expires: ticket.expires,
            };
            if relay.admin(request).await.is_err() {
                return;
            }
            let name = format!("device {device}");
            if enrol_on(platform, &ticket, &secret, &name).await.is_ok() {
                site.world(|world| world.has_enrolled(device));
                site.show();
            }
        });
    }
}
