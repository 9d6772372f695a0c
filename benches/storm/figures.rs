//! What came of a storm.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use block66::phonesim::Stage;

use crate::errand::Errand;

/// Steps that are told apart, by the stage that ends each. A phone that was in service before reaches all stages after
/// the time at the end of the same look: what each file takes is told by request.
const STEPS: [(Stage, &str); 3] = [(Stage::Dhcp, "address"), (Stage::Time, "time"), (Stage::InService, "in service")];

/// One phone's storm.
#[derive(Debug, Default, Clone)]
pub(crate) struct Start {
    /// Since its power came back, for each stage that it reached.
    pub(crate) reached: Vec<(Stage, Duration)>,
    /// Since the first phone's power came back.
    pub(crate) in_service: Option<Duration>,
    /// DISCOVERs beyond the first.
    pub(crate) dhcp_again: u32,
    /// Connections that failed, exchanges that broke off or met an error of the server's, and looks beyond the first.
    pub(crate) retries: u32,
    /// What it asked for, and how long each answer took with connection and TLS.
    pub(crate) asked: Vec<(Errand, Duration)>,
}

/// A storm.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) starts: Vec<Start>,
    /// Processor time of the servers.
    pub(crate) cpu: Duration,
    /// The most memory that they had, in kB.
    pub(crate) memory: u64,
}

impl Figures {
    pub(crate) fn heading() -> &'static str {
        "| server          | phones | last in service s | p50 s | p99 s | not in service | DHCP asked again | HTTP retries | CPU s | most RSS MB | ratio |\n\
         |-----------------|--------|-------------------|-------|-------|----------------|------------------|--------------|-------|-------------|-------|"
    }

    /// A row, with the time of the last phone beside that of another storm.
    pub(crate) fn row(&self, name: &str, beside: Option<&Self>) -> String {
        let times = sorted(self.starts.iter().filter_map(|start| start.in_service));
        let lost = self.lost();
        let dhcp: u32 = self.starts.iter().map(|start| start.dhcp_again).sum();
        let retries: u32 = self.starts.iter().map(|start| start.retries).sum();
        let ratio = beside.map_or("-".into(), |beside| format!("{:.2}", self.last() / beside.last()));
        format!(
            "| {name:<15} | {:>6} | {:>17.2} | {:>5.2} | {:>5.2} | {lost:>14} | {dhcp:>16} | {retries:>12} | {:>5.1} | {:>11.1} | {ratio:>5} |",
            self.starts.len(),
            self.last(),
            part(&times, 0.5),
            part(&times, 0.99),
            self.cpu.as_secs_f64(),
            self.memory as f64 / 1024.0,
        )
    }

    /// Phones that did not get into service in time.
    pub(crate) fn lost(&self) -> usize {
        self.starts.iter().filter(|start| start.in_service.is_none()).count()
    }

    /// When the last phone that came was in service, in seconds.
    pub(crate) fn last(&self) -> f64 {
        self.starts.iter().filter_map(|start| start.in_service).max().unwrap_or_default().as_secs_f64()
    }

    /// Two storms step by step, since each phone's power came back.
    pub(crate) fn steps(&self, name: &str, other: &Self, other_name: &str) -> String {
        let mut text =
            format!("| until | {name} p50 s | p99 s | {other_name} p50 s | p99 s |\n|---|---|---|---|---|\n");
        for (stage, words) in STEPS {
            let of = |figures: &Self| {
                let reached =
                    figures.starts.iter().filter_map(|start| start.reached.iter().find(|(at, _)| *at == stage));
                let times = sorted(reached.map(|(_, time)| *time));
                (part(&times, 0.5), part(&times, 0.99))
            };
            let ((a, b), (c, d)) = (of(self), of(other));
            let _ = writeln!(text, "| {words} | {a:.2} | {b:.2} | {c:.2} | {d:.2} |");
        }
        text
    }

    /// The requests of two storms by what they were for.
    pub(crate) fn errands(&self, name: &str, other: &Self, other_name: &str) -> String {
        let mut text = format!(
            "| one request for | {name}: number | p50 ms | p99 ms | {other_name}: number | p50 ms | p99 ms |\n\
             |---|---|---|---|---|---|---|\n"
        );
        for errand in Errand::ALL {
            let of = |figures: &Self| {
                let asked = figures.starts.iter().flat_map(|start| &start.asked).filter(|(what, _)| *what == errand);
                let times = sorted(asked.map(|(_, took)| *took));
                (times.len(), part(&times, 0.5) * 1e3, part(&times, 0.99) * 1e3)
            };
            let (a, b) = (of(self), of(other));
            if a.0 + b.0 == 0 {
                continue;
            }
            let _ = writeln!(
                text,
                "| {} | {} | {:.1} | {:.1} | {} | {:.1} | {:.1} |",
                errand.name(),
                a.0,
                a.1,
                a.2,
                b.0,
                b.1,
                b.2
            );
        }
        text
    }
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times
}

/// The time within which such a part of them is done, in seconds.
fn part(times: &[Duration], part: f64) -> f64 {
    let at = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
    times.get(at).map_or(f64::NAN, Duration::as_secs_f64)
}

/// Processor time of these processes so far.
pub(crate) fn cpu(processes: &[u32]) -> Duration {
    const TICK: Duration = Duration::from_millis(10);
    let of = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let field = |at: usize| fields.get(at).and_then(|field| field.parse::<u32>().ok()).unwrap_or_default();
        TICK * (field(11) + field(12))
    };
    processes.iter().map(of).sum()
}

/// The most memory that these processes had, in kB.
pub(crate) fn memory(processes: &[u32]) -> u64 {
    let of = |id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or_default()
    };
    processes.iter().map(of).sum()
}
