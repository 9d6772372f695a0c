//! The page.
mod draft;
mod import;
mod password;
mod problem;
mod session;
mod setup_code;
mod standing;
#[cfg(test)]
mod test_data;
mod throttle;
