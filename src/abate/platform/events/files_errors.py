"""Why a file of events is not read: refusals of the whole file. Rows before it are booked, and stay so."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class FileRefused(Problem):
    """`detail` says where: a line, a column, a sheet, a limit. Never a cell's content. `hostile`: nobody makes such a file by
    mistake of theirs alone, so the trail tells of it (docs/decisions/0026)."""

    hostile = False
    code = "file-unreadable"
    status = 422
    zh = "文件无法读取：不是其名称所示的格式，或已损坏。"
    en = "The file cannot be read: it is not what its name says, or it is damaged."
    why_zh = "读错的行会记到错误的账户。"
    why_en = "A row that is read wrongly is booked wrongly."
    remedy_zh = "请重新导出后再试；已入账的行不会重复入账。"
    remedy_en = "Export it again and load it; rows that are booked are not booked twice."


class FileKindUnknown(FileRefused):
    code = "file-kind"
    status = 415
    zh = "不接受这种文件：文件名须以 .csv、.xlsx、.parquet、.jsonl 或 .ndjson 结尾。"
    en = "This kind of file is not taken: its name ends with .csv, .xlsx, .parquet, .jsonl or .ndjson."
    why_zh = "格式由文件名决定，不作猜测。"
    why_en = "The kind is told by the name and never guessed."
    remedy_zh = "请改名，或转换为其中一种。"
    remedy_en = "Rename it, or convert it to one of these."


class FileColumns(FileRefused):
    code = "file-columns"
    zh = "文件缺少列，或两列同名。"
    en = "The file lacks a column, or has two of one name."
    why_zh = "没有这些列，事件就没有身份。"
    why_en = "Without them an event has no identity."
    remedy_zh = "须有 id、subject、time（带时区的 RFC 3339）和 behaviour（或 type），以及活动记录的各字段；列名不同时用声明对应。"
    remedy_en = (
        "Give id, subject, time (RFC 3339 with an offset), behaviour (or type) and the fields of the record; where columns "
        "have other names, say which is which in the declaration."
    )


class FileEncoding(FileRefused):
    code = "file-encoding"
    zh = "文件的字符编码与声明不符。"
    en = "The file is not in the encoding that was declared."
    why_zh = "编码猜错会改变文字而不留痕迹。"
    why_en = "A wrong guess changes texts and leaves no trace."
    remedy_zh = '默认 UTF-8；由中文 Excel 另存的 CSV 通常是 GB18030，请声明 {"charset": "gb18030"}。'
    remedy_en = 'UTF-8 is the default; a CSV saved by a Chinese Excel is mostly GB18030: declare {"charset": "gb18030"}.'


class FileTorn(FileRefused):
    code = "file-torn"
    zh = "从该行起无法再分清各行。"
    en = "From this line on rows can no longer be told apart."
    why_zh = "后面的内容可能并入同一行。"
    why_en = "All that follows could be taken for one row."
    remedy_zh = "通常是引号没有闭合，或一行过长；修改后重新提交，已入账的行不会重复入账。"
    remedy_en = (
        "An open quote or an endless line is the usual cause. Mend it and load again: ids are booked once."
    )


class FileUnpacks(FileRefused):
    hostile = True
    code = "file-unpacks-too-far"
    status = 413
    zh = "文件解压后过大，未予读取。"
    en = "Unpacked, the file is larger than is read."
    why_zh = "很小的压缩文件可以撑满内存。"
    why_en = "A small archive can fill a machine's memory."
    remedy_zh = "请拆成较小的文件，或使用 CSV、JSON Lines。"
    remedy_en = "Split it, or send CSV or JSON Lines."


class FileReachesOut(FileRefused):
    hostile = True
    code = "file-reaches-out"
    zh = "工作簿含有外部链接、数据连接或宏，未予读取。"
    en = "The workbook has external links, data connections or macros; it is not read."
    why_zh = "其数值可能来自别处，并随打开者而变。"
    why_en = "Its figures may come from elsewhere and differ with who opens it."
    remedy_zh = "请断开链接，将数值粘贴为值后另存。"
    remedy_en = "Break the links, paste values, and save it again."


class FileInterrupted(FileRefused):
    code = "file-interrupted"
    status = 409
    zh = "试运行中断，未得出完整结果。"
    en = "The rehearsal was cut off before its end."
    why_zh = "试运行不留下任何数据，无法从中断处继续。"
    why_en = "A rehearsal leaves nothing behind that it could be gone on with."
    remedy_zh = "请重新提交试运行。"
    remedy_en = "Send the file to be rehearsed again."


class FileAtWork(FileRefused):
    code = "file-at-work"
    status = 409
    zh = "该文件正由另一进程入账。"
    en = "Another process is booking this file."
    why_zh = "同一文件由一个进程处理，结果才完整。"
    why_en = "One process takes a file, so that its result is whole."
    remedy_zh = "请等待其结束；若已中止，稍后原样重试。"
    remedy_en = "Wait until it is through; where it was stopped, try again in a moment."


class FileOverQuota(FileRefused):
    code = "file-over-quota"
    status = 429
    zh = "机构的每日事件限额已用完，文件停在此处。"
    en = "The party's quota of events is used up; the file stopped here."
    why_zh = "限额对接口、文件和消息一并计算，以免一方占满服务。"
    why_en = "The quota is one for calls, files and messages, so that one party cannot crowd out the others."
    remedy_zh = "无需重新提交：限额恢复后自动从此处继续。需要更高限额请联系运营方。"
    remedy_en = "Nothing to send again: it goes on by itself as the quota comes back. Ask the operator for a higher one."

    def __init__(self, detail: str = "", retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class FileNamed(FileRefused):
    code = "file-name"
    status = 400
    zh = "文件名须为 1 至 128 个可见字符，不含路径。"
    en = "A file's name is 1 to 128 printable characters without a path."
    why_zh = "带路径的名称可能指向别的文件。"
    why_en = "A name with a path can point at another file."
    remedy_zh = "只给出文件名，例如 2026-11.csv。"
    remedy_en = "Give the name alone, such as 2026-11.csv."


class DeclarationRefused(FileRefused):
    code = "file-declaration"
    zh = "文件声明不可用。"
    en = "The declaration of the file cannot be used."
    why_zh = "列、单位和编码须在读取前确定。"
    why_en = "Columns, units and encoding are settled before a row is read."
    remedy_zh = "见 docs/howto/files.md；detail 指出不可用的部分。"
    remedy_en = "See docs/howto/files.md; the detail names the part."


class FileTooLarge(FileRefused):
    code = "file-too-large"
    status = 413
    zh = "文件超过 256 MiB，未予接收。"
    en = "The file is larger than 256 MiB; it is not taken."
    why_zh = "过大的文件会占满磁盘和线路。"
    why_en = "A larger one holds the line and the disk of all."
    remedy_zh = "请拆分文件，或由运营方用 `abate load` 处理。"
    remedy_en = "Split it, or have the operator use `abate load`."


class FilesWaiting(FileRefused):
    code = "files-waiting"
    status = 429
    retry_after = 30
    zh = "已有过多文件等待处理。"
    en = "Too many of your files are waiting already."
    why_zh = "各合作方轮流处理。"
    why_en = "Partners take turns."
    remedy_zh = "请等前面的文件处理完再提交。"
    remedy_en = "Wait until one of them is through."


class FileNoRoom(FileRefused):
    code = "file-no-room"
    status = 507
    retry_after = 3600
    zh = "平台暂无空间接收该文件。"
    en = "There is no room for the file at present."
    why_zh = "账本优先使用磁盘空间。"
    why_en = "The books have the disk first."
    remedy_zh = "请稍后重试，或联系运营方。"
    remedy_en = "Try again later, or tell the operator."


class FileUnknown(FileRefused):
    code = "file-unknown"
    status = 404
    zh = "本机构没有这个文件，或其内容已过保存期。"
    en = "Your party has no such file, or its content is past its time."
    why_zh = "文件只对提交它的机构可见。"
    why_en = "A file is shown to the party that sent it, and to nobody else."
    remedy_zh = "核对编号；没有错误行的文件不返回错误文件，未处理完的请稍后再取。"
    remedy_en = (
        "Check the id. A file without wrong rows is not given back, and one at work only when it is through."
    )
