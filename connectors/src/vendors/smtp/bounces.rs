//! Mails that came back, as delivery reports: a folder is looked into again and again.

use super::{
    dsn::{Dsn, Report},
    maildir::{Found, Maildir},
    returns::{Returns, mailbox},
    settings::Access,
};
use crate::vendors::{MAILBOXES, Vendors, receipts::Batch};
use processors::{
    codes::{Handling, judge},
    ports::{DeadToken, Receipt},
    reference::Vendor,
};
use std::{
    io,
    sync::{Arc, mpsc},
};
use tokio::sync::oneshot;

/// Mails that came back, by vendor and outcome: failed, other, unmatched.
pub const BOUNCES: &str = "ims_vendor_bounces_total";

/// What a mail that came back means.
enum Meaning {
    /// Ours will not be delivered; the mailbox that is not to be written to any more.
    Failed(Receipt, Option<DeadToken>),
    /// Ours, and nothing has ended.
    Other,
    /// None of ours, or no report.
    Unmatched,
}

/// Looks until nobody takes what is found.
pub async fn collect(vendors: Vendors, vendor: Arc<Vendor>, access: Arc<Access>, batches: mpsc::Sender<Batch>) {
    let (Some(folder), Some(returns)) = (&access.bounces, &access.returns) else { return };
    loop {
        match look(&vendors, &vendor, folder, returns, &batches).await {
            Ok(Some(found)) if found > 0 => continue,
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => tracing::error!(vendor = vendor.name, %error, "mails that came back cannot be read or moved"),
        }
        tokio::time::sleep(access.times.poll()).await;
    }
}

/// Takes what is there; how many mails that was. None: nobody takes them.
async fn look(
    vendors: &Vendors,
    vendor: &Vendor,
    folder: &Maildir,
    returns: &Returns,
    batches: &mpsc::Sender<Batch>,
) -> io::Result<Option<usize>> {
    let found = folder.look()?;
    let now_ms = vendors.clock.now_ms();
    let meanings: Vec<Meaning> = found.iter().map(|found| meaning(vendor, returns, found, now_ms)).collect();
    let receipts: Vec<Receipt> = meanings.iter().filter_map(Meaning::receipt).cloned().collect();
    if !receipts.is_empty() {
        let (confirmed, waiting) = oneshot::channel();
        if batches.send(Batch { receipts, confirmed }).is_err() || waiting.await.is_err() {
            return Ok(None);
        }
    }
    for (found, meaning) in found.iter().zip(&meanings) {
        let outcome = match meaning {
            Meaning::Failed(_, dead) => {
                dead.iter().for_each(|dead| vendors.dead_mailboxes.note(dead.clone()));
                "failed"
            }
            Meaning::Other => "other",
            Meaning::Unmatched => "unmatched",
        };
        metrics::counter!(BOUNCES, "vendor" => vendor.name.clone(), "outcome" => outcome).increment(1);
        match meaning {
            Meaning::Unmatched => folder.set_aside(found)?,
            Meaning::Failed(..) | Meaning::Other => folder.remove(found)?,
        }
    }
    Ok(Some(found.len()))
}

impl Meaning {
    fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Failed(receipt, _) => Some(receipt),
            Self::Other | Self::Unmatched => None,
        }
    }
}

fn meaning(vendor: &Vendor, returns: &Returns, found: &Found, now_ms: i64) -> Meaning {
    let Dsn { came_to, report } = Dsn::read(&found.bytes);
    let returned = came_to.iter().find_map(|address| returns.read(address));
    let (Some(returned), Some(report)) = (returned, report) else { return Meaning::Unmatched };
    let Report::Failed { code, recipients, at_ms } = report else { return Meaning::Other };
    // Of a mailbox that a mail was forwarded to nothing is known but that: who wrote to it was not us.
    let ours = recipients.iter().find(|to| returns.went_to(&returned, to));
    let dead = ours.filter(|_| judge(vendor.codes, &code).handling == Handling::Address).map(|to| DeadToken {
        vendor: MAILBOXES.to_owned(),
        token: mailbox(to),
        code: code.clone(),
        since_ms: now_ms,
    });
    let receipt = Receipt {
        serial_number: returned.serial_number,
        vendor: vendor.name.clone(),
        code,
        text: String::new(),
        at_ms: at_ms.unwrap_or(now_ms),
    };
    Meaning::Failed(receipt, dead)
}
