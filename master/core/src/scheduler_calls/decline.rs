//! DECLINE: offers go back, refused for a while.

use tepui_allocator::refusal;
use tepui_proto::v1::scheduler::call::Decline;

use crate::cx::Cx;
use crate::fact::Fact;
use crate::limits;
use crate::master::Master;
use crate::names::FrameworkHandle;

impl Master {
    pub(crate) fn decline(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        call: Decline,
    ) -> Result<(), String> {
        limits::check_offers(call.offer_ids.len(), "decline.offer_ids")?;
        cx.count("master/messages_decline_offers");
        let refused = refusal(call.filters.unwrap_or_default().refuse_seconds());
        for id in &call.offer_ids {
            let offer = self.offers.find(id);
            match offer.filter(|offer| self.offers.outstanding[*offer].framework == from) {
                Some(offer) => self.discard_offer(cx, offer, refused),
                None => cx
                    .log(Fact::debug("decline of an offer that is not outstanding").with("offer", &id.value)),
            }
        }
        Ok(())
    }
}
