//! Who used the processors meanwhile, from Linux's own accounts.

use std::collections::HashMap;
use std::time::Instant;

use crate::Failed;
use crate::stand::Stand;

/// Clock ticks a second, as Linux shows them to programs.
const TICKS: f64 = 100.0;

/// Processor seconds up to a moment.
pub struct Usage {
    at: Instant,
    server: f64,
    postgres: f64,
    own: f64,
    everybody: f64,
}

/// Processor seconds between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// By the server.
    pub server: f64,
    /// By PostgreSQL.
    pub postgres: f64,
    /// Cores that somebody else took.
    pub others: f64,
}

impl Usage {
    /// Up to now.
    pub fn now(stand: &Stand, peers: &[u32]) -> Result<Usage, Failed> {
        let processes = processes()?;
        let own = |pid: u32| processes.get(&pid).map_or(0.0, |process| process.own + process.reaped);
        let tree = |pid: u32| {
            own(pid) + processes.values().filter(|one| one.parent == pid).map(|one| one.own).sum::<f64>()
        };
        Ok(Usage {
            at: Instant::now(),
            server: if peers.is_empty() {
                own(stand.server_pid)
            } else {
                peers.iter().map(|pid| tree(*pid)).sum()
            },
            postgres: tree(stand.postgres_pid),
            own: own(std::process::id()) + if peers.is_empty() { 0.0 } else { own(stand.server_pid) },
            everybody: everybody()?,
        })
    }

    /// Since then.
    pub fn since(&self, earlier: &Usage) -> Used {
        let (server, postgres) = (self.server - earlier.server, self.postgres - earlier.postgres);
        let known = server + postgres + self.own - earlier.own;
        let seconds = (self.at - earlier.at).as_secs_f64();
        Used { server, postgres, others: ((self.everybody - earlier.everybody - known) / seconds).max(0.0) }
    }
}

struct Process {
    parent: u32,
    own: f64,
    reaped: f64,
}

fn processes() -> Result<HashMap<u32, Process>, Failed> {
    let mut found = HashMap::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may have ended in the meantime.
        let Ok(text) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name may hold spaces; everything behind it doesn't.
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        found.insert(
            pid,
            Process {
                parent: ticks(1) as u32,
                own: (ticks(11) + ticks(12)) / TICKS,
                reaped: (ticks(13) + ticks(14)) / TICKS,
            },
        );
    }
    Ok(found)
}

/// User, nice and system time of all processors; interrupts belong to nobody.
fn everybody() -> Result<f64, Failed> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().unwrap_or_default();
    Ok(line.split_whitespace().skip(1).take(3).filter_map(|text| text.parse::<f64>().ok()).sum::<f64>()
        / TICKS)
}

/// Memory of a process in MB: now, and at most so far.
pub fn memory(pid: u32) -> Result<(f64, f64), Failed> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default()
    };
    Ok((kilobytes("VmRSS:") / 1024.0, kilobytes("VmHWM:") / 1024.0))
}
