"""Refusals of the first set-up. Commands alone tell them, so none has a page."""

from abate.platform.doors.errors import Problem


class AnswersUnreadable(Problem):
    code = "answers-unreadable"
    zh = "答案文件无法读取。"
    en = "The file of answers cannot be read."
    why_zh = "读错的设置会让整个平台按别的数值计算。"
    why_en = "A setting that was read wrongly would quantify by other figures than were meant."
    remedy_zh = '请写成 TOML：每行 名称 = "值"，名称见 docs/howto/first-run.md。'
    remedy_en = 'Write it as TOML, a line each: name = "value"; docs/howto/first-run.md has the names.'


class AnswerWrong(Problem):
    code = "answer-wrong"
    zh = "这个答案不能用。"
    en = "This answer cannot be used."
    why_zh = "设置在写入之前逐项核对。"
    why_en = "Every setting is looked at before anything is written."
    remedy_zh = "请改正后再运行；什么都没有写入。"
    remedy_en = "Mend it and run the command again; nothing was written."


class AnswerMissing(Problem):
    code = "answer-missing"
    zh = "还缺少必须回答的问题。"
    en = "A question that has no default is not answered."
    why_zh = "这些内容只有运营方知道，程序不替您决定。"
    why_en = "Only you know these; the program does not decide them for you."
    remedy_zh = "请在答案文件中补上，或在终端中运行 abate setup。"
    remedy_en = "Add it to the file of answers, or run `abate setup` in a terminal."


class Governed(Problem):
    code = "setting-governed"
    zh = "系统已启用或已有事件，这项设置须由三人变更。"
    en = "The system was opened or holds events: this setting is changed by three people."
    why_zh = "已入账的数字以它为依据。"
    why_en = "What is booked rests on it."
    remedy_zh = "请在数据目录的 settings.env 中改为新值并重启，再提出、复核、审批变更 basis.adopt；批准之前不受理计量。"
    remedy_en = (
        "Write the new value into settings.env in the data folder, start again, and let three people propose, check and "
        "approve basis.adopt; until then nothing is quantified."
    )


class EnvironmentDiffers(Problem):
    code = "environment-differs"
    zh = "环境变量与答案不一致，环境变量优先。"
    en = "The environment says otherwise than the answer, and the environment goes first."
    why_zh = "写入的设置不会生效。"
    why_en = "What was written would have no effect."
    remedy_zh = "请取消该环境变量，或按它回答。"
    remedy_en = "Unset the variable, or answer as it says."


class Placed(Problem):
    code = "setting-placed"
    zh = "这项设置已经定下，不能在此更改。"
    en = "This is settled and cannot be changed here."
    why_zh = "数据库和日志名称在第一笔记录之后不再更换：回执永久写有日志名称。"
    why_en = "The database and the log's name stay after the first record: receipts carry the name for ever."
    remedy_zh = "请保留原值；搬迁数据库见 docs/howto/backup.md。"
    remedy_en = "Keep it; to move the database see docs/howto/backup.md."
