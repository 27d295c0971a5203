//! What is known of the set-up, for `sekisho doctor`.

use sekisho_verifier::store::{Key, Kind, Record, StoreError};
use sekisho_verifier::verify::has_usable_token;
use sekisho_verifier_socket::admin::{Answer, HealthView, Refusal};

use crate::service::Shared;
use crate::status;

/// Accounts that are looked at before logins get their turn again.
const ACCOUNTS_LOOKED_AT: usize = 500;

pub(crate) async fn answer(shared: &Shared) -> Result<Answer, Refusal> {
    let status = status::view(shared).await?;
    let free = rustix::fs::statvfs(&shared.data).map_or(0, |about| {
        // For whoever is not root.
        about.f_bavail.saturating_mul(about.f_frsize)
    });
    Ok(Answer::Health(Box::new(HealthView {
        status,
        clock_trusted: shared.clock.doubt().is_none(),
        data_free_octets: free,
        damaged_records: shared.upkeep.damaged(),
        accounts_without_token: accounts_without_token(shared).await?,
    })))
}

async fn accounts_without_token(shared: &Shared) -> Result<u64, Refusal> {
    let mut after = None;
    let mut count = 0;
    loop {
        let from = after.take().map(Key::Account);
        let (found, last) = shared
            .read(move |store| {
                let records = store.list(Kind::Accounts, from.as_ref(), ACCOUNTS_LOOKED_AT)?;
                let (mut found, mut last) = (0, None);
                for record in records {
                    let Record::Account(account) = record else {
                        continue;
                    };
                    let usable = match has_usable_token(store.view(), &account) {
                        // Told by the count of damaged records.
                        Err(StoreError::Corrupt) => true,
                        usable => usable?,
                    };
                    found += u64::from(!account.disabled && !usable);
                    last = Some(account.name);
                }
                Ok((found, last))
            })
            .await?;
        count += found;
        match last {
            Some(last) => after = Some(last),
            None => return Ok(count),
        }
    }
}
