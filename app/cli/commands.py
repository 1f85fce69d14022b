"""Every command of `toru`, one line each: its name, where it is, and the first sentence of its help.

`--help` reads app/cli/help.txt, which `python -m app.cli.help_file` writes anew.
"""

COMMANDS = (
    ("serve", "app.cli.serve:serve", "Serve the dashboard, REST and WebSockets."),
    ("status", "app.cli.status:status", "Tell whether Toru runs here, and how it is."),
    ("doctor", "app.cli.doctor:doctor", "Find what is wrong on this machine, and how to mend it."),
    ("config", "app.cli.config:config", "Check and show how this machine is deployed."),
    ("user", "app.cli.user:user", "Manage the people who may sign in."),
    ("token", "app.cli.tokens:token", "Make, list and end API tokens."),
    ("runs", "app.cli.runs:runs", "Start, follow and cancel scripts, here or elsewhere."),
    ("plugin", "app.cli.plugin:plugin", "Look after plugins, and make and check those that you write."),
    ("license", "app.cli.license:license_keys", "Make and check licence keys, for the maker of plugins."),
    ("audit", "app.cli.audit:audit", "Look at what was done here, and by whom."),
    ("backup", "app.cli.backup:backup", "Make a backup: database, keys, settings, plugins and scripts in one file."),
    ("restore", "app.cli.restore:restore", "Put a backup in place of what is there, while Toru does not run."),
    ("export", "app.cli.export:export", "Write everything in open formats: JSON Lines, CSV, outputs as they are."),
    ("fleet", "app.cli.fleet:fleet", "Keep the list of machines that Prometheus watches."),
    ("service", "app.cli.service:service", "Have systemd start, watch and restart Toru; see docs/service.md."),
)
UNLISTED = (("runner", "app.cli.runner:runner"),)
"""What only systemd calls."""
