//! `hello MASTER`: one command task, the smallest whole framework.

use tepui_scheduler::{Context, Framework, Need, Offer, Settings, Task, is_terminal, run, v1};

struct Hello(Need);

impl Framework for Hello {
    fn offers(&mut self, cx: &mut Context<Self>, offers: Vec<Offer>) {
        for mut offer in offers {
            match self.0.take(&mut offer) {
                Ok(resources) => {
                    cx.launch(&offer, [Task::shell("hello", "echo hello").resources(&resources)]);
                    return cx.suppress();
                }
                Err(misfit) => println!("{}: {misfit}", offer.hostname()),
            }
        }
    }

    fn update(&mut self, cx: &mut Context<Self>, status: &v1::TaskStatus) {
        println!("{} {}", status.task_id.value, status.state().as_str_name());
        if is_terminal(status.state()) {
            cx.stop();
        }
    }
}

fn main() -> anyhow::Result<()> {
    let master = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5050".into());
    let settings = Settings::new("hello", master.parse()?);
    run(settings, Hello("cpus:0.1; mem:32".parse()?))?;
    Ok(())
}
