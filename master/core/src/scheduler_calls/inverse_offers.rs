//! ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS: answers to maintenance. None is ever announced by this version, so
//! that every answer is about an inverse offer that is not outstanding.

use tepui_proto::v1::OfferId;

use crate::cx::Cx;
use crate::fact::Fact;
use crate::master::Master;

impl Master {
    pub(crate) fn accept_inverse_offers(&mut self, cx: &mut Cx, offers: &[OfferId]) {
        ignore(cx, offers);
    }

    pub(crate) fn decline_inverse_offers(&mut self, cx: &mut Cx, offers: &[OfferId]) {
        ignore(cx, offers);
    }
}

fn ignore(cx: &mut Cx, offers: &[OfferId]) {
    for offer in offers {
        cx.log(Fact::debug("answer to an inverse offer that is not outstanding").with("offer", &offer.value));
    }
}
