//! What the demo shows while tasks run: a table of their states and a bar, or plain lines where there is no terminal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::rc::Rc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tepui_scheduler::v1::TaskState;

/// Shared by the frameworks' watchers, which run on one thread.
#[derive(Clone)]
pub struct Board(Rc<RefCell<Tasks>>);

struct Tasks {
    /// State by task, of the batch, of the service, and of the web servers if there are any.
    batch: BTreeMap<String, TaskState>,
    service: BTreeMap<String, TaskState>,
    web: Option<BTreeMap<String, TaskState>>,
    display: Display,
}

enum Display {
    Terminal { table: ProgressBar, bar: ProgressBar },
    Lines { tasks: u32 },
}

impl Board {
    pub fn new(tasks: u32, instances: usize, servers: Option<usize>) -> Self {
        let display =
            if std::io::stderr().is_terminal() { terminal(tasks) } else { Display::Lines { tasks } };
        let web = servers.map(|servers| format!("{servers} web servers in Docker containers, "));
        println!(
            "{}{instances} instances of a service, and a batch of {tasks} tasks:",
            web.unwrap_or_default()
        );
        let web = servers.map(|_| BTreeMap::new());
        let tasks = Tasks { batch: BTreeMap::new(), service: BTreeMap::new(), web, display };
        Self(Rc::new(RefCell::new(tasks)))
    }

    /// A task of the batch changed its state; so many have ended.
    pub fn batch(&self, id: &str, state: TaskState, ended: u32) {
        let mut tasks = self.0.borrow_mut();
        tasks.batch.insert(id.to_owned(), state);
        match &tasks.display {
            Display::Terminal { bar, .. } => bar.set_position(u64::from(ended)),
            Display::Lines { tasks } => {
                println!("{id:<14} {:<14} {ended}/{tasks} ended", state.as_str_name())
            }
        }
        tasks.draw();
    }

    /// An instance of the service changed its state.
    pub fn service(&self, id: &str, state: TaskState) {
        let mut tasks = self.0.borrow_mut();
        tasks.service.insert(id.to_owned(), state);
        if let Display::Lines { .. } = tasks.display {
            println!("{id:<14} {}", state.as_str_name());
        }
        tasks.draw();
    }

    /// A web server changed its state.
    pub fn web(&self, id: &str, state: TaskState) {
        let mut tasks = self.0.borrow_mut();
        let before = tasks.web.as_mut().and_then(|web| web.insert(id.to_owned(), state));
        if let Display::Lines { .. } = tasks.display
            && before != Some(state)
        {
            println!("{id:<14} {}", state.as_str_name());
        }
        tasks.draw();
    }

    /// Leaves the last table standing; what happens later is not shown.
    pub fn finish(&self) {
        let mut tasks = self.0.borrow_mut();
        if let Display::Terminal { table, bar } = &tasks.display {
            table.abandon();
            bar.abandon();
        }
        tasks.display = Display::Terminal { table: ProgressBar::hidden(), bar: ProgressBar::hidden() };
    }
}

fn terminal(tasks: u32) -> Display {
    let lines = MultiProgress::new();
    let style = |template| ProgressStyle::with_template(template).expect("the template is well-formed");
    let table = lines.add(ProgressBar::new_spinner().with_style(style("{msg}")));
    let bar = lines.add(ProgressBar::new(u64::from(tasks)).with_style(style("batch {bar:40} {pos}/{len}")));
    Display::Terminal { table, bar }
}

impl Tasks {
    fn draw(&self) {
        if let Display::Terminal { table, .. } = &self.display {
            table.set_message(self.table());
        }
    }

    /// How many tasks are in each state.
    fn table(&self) -> String {
        let columns: [(&str, Option<&BTreeMap<String, TaskState>>); 3] =
            [("BATCH", Some(&self.batch)), ("SERVICE", Some(&self.service)), ("WEB", self.web.as_ref())];
        let mut counts: BTreeMap<i32, [usize; 3]> = BTreeMap::new();
        for (column, (_, tasks)) in columns.iter().enumerate() {
            for state in tasks.iter().flat_map(|tasks| tasks.values()) {
                counts.entry(*state as i32).or_default()[column] += 1;
            }
        }
        let shown = || columns.iter().enumerate().filter(|(_, (_, tasks))| tasks.is_some());
        let mut text = format!("{:<16}", "STATE");
        for (_, (title, _)) in shown() {
            let _ = write!(text, " {title:>8}");
        }
        for (state, counts) in counts {
            let name = TaskState::try_from(state).map_or("?", |state| state.as_str_name());
            let _ = write!(text, "\n{name:<16}");
            for (column, _) in shown() {
                let _ = write!(text, " {:>8}", counts[column]);
            }
        }
        text
    }
}
