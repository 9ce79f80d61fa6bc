"""The steps of an installation's first set-up, in words: for the page and for `abate setup`, which runs before Django does."""

from __future__ import annotations

# (name, Chinese, English) of the steps, in their order; `abate setup` does them (config/first_run.py).
STEPS = (
    ("settings", "设置已写入 settings.env", "Settings are written into settings.env"),
    ("secrets", "密钥已生成，日志已命名", "Secrets are made, and the log has its name"),
    ("database", "数据库已建立", "The database has its tables"),
    ("people", "系统已启用：首批人员", "The system is opened: the first people"),
    ("basis", "方法学、因子和设置已生效", "Methodologies, factors and setting are in force"),
    ("backup", "已有第一份备份", "There is a first copy"),
)
