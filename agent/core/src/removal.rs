//! What becomes of executors and frameworks that are done.

use tepui_model::{ExecutorId, FrameworkId};

use crate::agent::{Agent, Pending};
use crate::cx::Cx;
use crate::effect::{Effect, Write};
use crate::executor::ExecutorPhase;
use crate::fact::Fact;
use crate::framework::FrameworkPhase;
use crate::limits;

impl Agent {
    /// An executor is done when its container is gone and everything about its tasks is acknowledged, or nobody is left
    /// to acknowledge it. A framework is done with its last executor.
    pub(crate) fn remove_if_done(&mut self, cx: &mut Cx, framework: &FrameworkId, executor: &ExecutorId) {
        let kept = self.settings.max_completed_executors_per_framework;
        let Some(of) = self.frameworks.get_mut(framework) else { return };
        let Some(found) = of.executors.get(executor) else { return };
        let nobody_listens = of.phase == FrameworkPhase::Terminating;
        if found.phase != ExecutorPhase::Terminated || (found.has_incomplete_tasks() && !nobody_listens) {
            return;
        }
        let Some(mut done) = of.executors.remove(executor) else { return };
        cx.log(Fact::info("executor removed").with("executor", &done.run));
        let run = done.run.clone();
        // Of a framework that is shut down, tasks may be left that nobody will acknowledge.
        done.completed.extend(std::mem::take(&mut done.launched).into_values().map(|record| record.task));
        done.completed.extend(std::mem::take(&mut done.terminated).into_values().map(|record| record.task));
        let checkpointed = done.checkpointed;
        of.completed.push_back(done);
        while of.completed.len() > kept {
            of.completed.pop_front();
        }
        if checkpointed {
            self.checkpoint(cx, Pending::Note, vec![Write::Sentinel(run.clone())]);
        }
        cx.push(Effect::Collect(run));
        self.remove_framework_if_done(cx, framework);
    }

    pub(crate) fn remove_framework_if_done(&mut self, cx: &mut Cx, id: &FrameworkId) {
        if self.frameworks.get(id).is_none_or(|framework| !framework.executors.is_empty()) {
            return;
        }
        let Some(framework) = self.frameworks.remove(id) else { return };
        cx.log(Fact::info("framework removed").with("framework", id));
        self.completed.push_back(framework);
        while self.completed.len() > limits::COMPLETED_FRAMEWORKS {
            self.completed.pop_front();
        }
        self.end_if_empty(cx);
    }
}
