//! What Sekisho promises, shown with real daemons and real clients.

mod one_code_two_doors;
