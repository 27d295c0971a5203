//! What Sekisho promises, shown with real daemons and real clients.
//!
//! A name that begins with `r` or `p` and a number covers that row of the table of how peers
//! failed.

mod approvals;
mod audit;
mod backup;
mod bad_settings;
mod boundaries;
mod canaries;
mod clock;
mod crashes;
mod damaged_record;
mod doctor_and_libpam;
mod doctor_live;
mod emergency;
mod explains;
mod fail_closed;
mod full_disk;
mod gateway_eapol;
mod gateway_failures;
mod gateway_ocserv;
mod gateway_openvpn;
mod gateway_pam_radius;
mod gateway_passwords;
mod gateway_radclient;
mod gateway_radsecproxy;
mod gateway_slapd;
mod gateway_strongswan;
mod gateway_tshark;
mod generated_stack;
mod hostile_sender;
mod keys;
mod lifecycle;
mod linux_logins;
mod lockers;
mod one_code_two_doors;
mod own_program;
mod own_verbs;
mod password_daemon;
mod peer_failures;
mod peers_side_by_side;
mod policy;
mod races;
mod radius_client;
mod roles;
mod second_use;
mod staff_logins;
mod strangers;
mod terminals;
mod vectors;

/// How many times as long the racing and crash tests shall run: `make campaign` sets it.
fn campaign() -> usize {
    std::env::var("SEKISHO_CAMPAIGN").map_or(1, |times| times.parse().unwrap_or(1))
}
