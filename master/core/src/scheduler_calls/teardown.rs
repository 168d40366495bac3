//! TEARDOWN: a framework ends itself, and everything it runs.

use crate::cx::Cx;
use crate::master::Master;
use crate::names::FrameworkHandle;

impl Master {
    pub(crate) fn teardown(&mut self, cx: &mut Cx, from: FrameworkHandle) {
        cx.count("master/messages_unregister_framework");
        self.remove_framework(cx, from);
    }
}
