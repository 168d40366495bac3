//! Showing the master who this is, before the agent registers: when to try, for how long, and what a verdict means. How it is shown is
//! the shell's affair, and so is the secret.

use serde::{Deserialize, Serialize};
use tepui_model::duration;

use crate::agent::{Agent, Phase};
use crate::cx::Cx;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::limits;
use crate::names::Timer;
use crate::settings::Patience;

/// Where the agent stands with the current master. Means nothing where no authentication is set.
///
/// ```text
/// Due ──back-off over──► UnderWay ──shown──► Shown ──registrations without an answer──► Due
///  ▲                        │                  │
///  └── error, time-out ─────┴── master lost ───┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Authentication {
    stage: Stage,
    /// Attempts that failed one after the other.
    failures: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Due,
    UnderWay {
        attempt: u64,
    },
    Shown,
}

/// What came of an attempt to show who this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identification {
    /// The master knows who this is.
    Accepted,
    /// The master does not know the principal, or the secret is wrong.
    Refused,
    /// It was broken off, and why; another attempt may succeed.
    Failed(String),
}

impl Agent {
    /// Whether the next step of a registration that was tried so often is to authenticate, or to wait for that.
    pub(crate) fn must_authenticate(&self, tried: u32) -> bool {
        let is_forgotten = tried > 0 && tried.is_multiple_of(limits::REGISTRATIONS_PER_AUTHENTICATION);
        self.settings.authentication.is_some() && (self.authentication.stage != Stage::Shown || is_forgotten)
    }

    /// Begins an attempt, unless one is under way.
    pub(crate) fn authenticate(&mut self, cx: &mut Cx) {
        let (Some(patience), Some(master)) = (self.settings.authentication, self.master.clone()) else {
            return;
        };
        if matches!(self.authentication.stage, Stage::UnderWay { .. }) {
            return;
        }
        self.attempts += 1;
        let attempt = self.attempts;
        self.authentication.stage = Stage::UnderWay { attempt };
        // The first attempt has the range of Mesos' first; each failure doubles it.
        let longest = longest(&patience, self.authentication.failures + 1);
        let within = (patience.timeout_min + self.random_below(longest)).min(patience.timeout_max);
        cx.log(Fact::info("authenticating").with("master", &master));
        // A master that goes takes with it what it was shown.
        cx.push(Effect::Watch(master.clone()));
        cx.push(Effect::Arm { timer: Timer::Authentication { attempt }, after: within });
        cx.push(Effect::Authenticate { to: master, attempt });
    }

    pub(crate) fn authenticated(&mut self, cx: &mut Cx, attempt: u64, verdict: Identification) {
        if !self.is_under_way(attempt) {
            return;
        }
        match verdict {
            Identification::Accepted => {
                cx.log(Fact::info("authenticated"));
                self.authentication = Authentication { stage: Stage::Shown, failures: 0 };
                self.phase = Phase::Disconnected { attempt: 0 };
                self.try_to_register(cx, self.epoch);
            }
            // Executors live on, as with Mesos: an agent with the right credential finds them again.
            Identification::Refused => {
                let why = "the master refused to authenticate this agent: it does not know the principal of --credential, or knows \
                           another secret; start the agent with a credential that is in the master's --credentials";
                cx.log(Fact::error(why));
                cx.push(Effect::Terminate { why: why.into() });
            }
            Identification::Failed(why) => self.authentication_failed(cx, &why),
        }
    }

    pub(crate) fn authentication_overdue(&mut self, cx: &mut Cx, attempt: u64) {
        if self.is_under_way(attempt) {
            self.authentication_failed(cx, "the master did not answer in time");
        }
    }

    /// The connection to the master is lost while the agent is not registered.
    pub(crate) fn authentication_lost(&mut self, cx: &mut Cx) {
        if self.settings.authentication.is_some() && self.authentication.stage != Stage::Due {
            self.authentication_failed(cx, "the connection to the master was lost");
        }
    }

    fn authentication_failed(&mut self, cx: &mut Cx, why: &str) {
        let Some(patience) = self.settings.authentication else { return };
        let failures = self.authentication.failures.saturating_add(1);
        self.authentication = Authentication { stage: Stage::Due, failures };
        self.phase = Phase::Disconnected { attempt: 0 };
        // What was armed for the attempt before this one is void.
        self.epoch += 1;
        let longest = longest(&patience, failures);
        let again = format!("within {}", duration::print(longest));
        cx.log(Fact::warn("authentication failed").with("why", why).with("again", again));
        self.arm_registration(cx, longest);
    }

    fn is_under_way(&self, attempt: u64) -> bool {
        matches!(self.phase, Phase::Disconnected { .. })
            && self.authentication.stage == Stage::UnderWay { attempt }
    }
}

/// The back-off factor, doubled so often, within the longest time that an attempt may take.
fn longest(patience: &Patience, doublings: u32) -> std::time::Duration {
    patience.backoff_factor.saturating_mul(2_u32.saturating_pow(doublings)).min(patience.timeout_max)
}
