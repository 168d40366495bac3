//! ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS: whether a framework leaves an agent that will be in maintenance.

use tepui_allocator::refusal;
use tepui_proto::v1::scheduler::call::{AcceptInverseOffers, DeclineInverseOffers};

use crate::cx::Cx;
use crate::limits;
use crate::master::Master;
use crate::names::FrameworkHandle;

impl Master {
    pub(crate) fn accept_inverse_offers(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        call: AcceptInverseOffers,
    ) -> Result<(), String> {
        let ids = call.inverse_offer_ids;
        limits::check_offers(ids.len(), "accept_inverse_offers.inverse_offer_ids")?;
        let refused = refusal(call.filters.unwrap_or_default().refuse_seconds());
        self.answer_inverse_offers(cx, from, &ids, true, refused);
        Ok(())
    }

    pub(crate) fn decline_inverse_offers(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        call: DeclineInverseOffers,
    ) -> Result<(), String> {
        let ids = call.inverse_offer_ids;
        limits::check_offers(ids.len(), "decline_inverse_offers.inverse_offer_ids")?;
        let refused = refusal(call.filters.unwrap_or_default().refuse_seconds());
        self.answer_inverse_offers(cx, from, &ids, false, refused);
        Ok(())
    }
}
