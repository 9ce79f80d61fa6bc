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


class ExchangeUnderWay(Problem):
    code = "exchange-under-way"
    status = 409
    zh = "另一个命令正在更换主密钥。"
    en = "Another command is exchanging the master key."
    why_zh = "两个命令同时改写密钥文件，会丢失其中一把密钥。"
    why_en = "Two that write the secret file at a time would lose a key."
    remedy_zh = "请等它结束；如它已中断，再运行一次即可接着完成。"
    remedy_en = "Wait for its end; where it was cut off, run it again: it goes on."


class MasterStillUsed(Problem):
    code = "master-still-used"
    status = 409
    zh = "仍有程序在用旧的主密钥加密，旧密钥继续保留。"
    en = "Some program still seals under the former master key; that key stays."
    why_zh = "那台机器上的密钥文件还没有更新。"
    why_en = "Its machine does not have the new secret file yet."
    remedy_zh = "请把密钥文件复制到每台运行 Abate 的机器，再运行一次。"
    remedy_en = "Copy the secret file to every machine that runs Abate, and run the command again."


class SealedTextUnknown(Problem):
    code = "sealed-text-unknown"
    status = 404
    zh = "该位置没有这条密文。"
    en = "No sealed text lies there."
    why_zh = "确认一条密文已损坏，须指明是哪一条。"
    why_en = "Which one is settled has to be said exactly."
    remedy_zh = "`abate secrets show` 的 spoilt 列出位置和编号。"
    remedy_en = "`abate secrets show` lists place and id under `spoilt`."


class SealedTextNotSpoilt(Problem):
    code = "sealed-text-not-spoilt"
    status = 409
    zh = "这条密文没有损坏，或其主密钥只是不在密钥文件中。"
    en = "This text is not spoilt: it opens, is settled already, or lies under a key that the secret file only lacks."
    why_zh = "可以打开的内容不能当作已损坏。"
    why_en = "What can be opened is not given up."
    remedy_zh = "请运行 abate secrets rotate-master 重新加密；缺少主密钥时，请换上最新的密钥文件副本。"
    remedy_en = (
        "Run `abate secrets rotate-master`, which seals it anew; where a key is missing, put the newest copy of the secret "
        "file in its place."
    )


class MasterUnknown(Problem):
    code = "master-unknown"
    status = 404
    zh = "密钥文件中没有这把主密钥。"
    en = "The secret file holds no such master key."
    why_zh = "忘记一把密钥须指明是哪一把。"
    why_en = "Which one is forgotten has to be said exactly."
    remedy_zh = "`abate secrets show` 列出各把密钥的编号。"
    remedy_en = "`abate secrets show` lists their ids."


class MasterNeeded(Problem):
    code = "master-needed"
    status = 409
    zh = "这把主密钥还不能忘记。"
    en = "This master key cannot be forgotten yet."
    why_zh = "忘记之后，用它加密的内容谁也打不开，包括备份中的内容。"
    why_en = "What lies under it could be opened by nobody any more, in backups too."
    remedy_zh = "请等到括号中的原因消失；确定那些备份不再需要时，加 --despite-backups。"
    remedy_en = (
        "Wait until the reason named here is gone; --despite-backups where those copies are no longer wanted."
    )
