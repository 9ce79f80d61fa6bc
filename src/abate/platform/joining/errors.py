"""What this room refuses, and what to do then."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class ApplicationMalformed(Problem):
    code = "application-malformed"
    status = 422
    zh = "申请内容不完整或格式不符。"
    en = "The application is incomplete or malformed."
    why_zh = "资质审核须基于完整、可核对的资料。"
    why_en = "A qualification is reviewed on particulars that are whole and can be checked."
    remedy_zh = "请按所指字段修改；统一社会信用代码须为 18 位且校验位正确；授权须为该类别允许的授权。"
    remedy_en = (
        "Mend the field that is named; the unified social credit code has 18 signs and a check sign; grants are those "
        "that the kind may have."
    )


class NoteMissing(Problem):
    code = "application-note-missing"
    status = 422
    zh = "缺少意见，未作记录。"
    en = "The note is missing, so nothing was written down."
    why_zh = "申请方须知道哪里需要补正或为什么不同意。"
    why_en = "Whoever applies has to know what to mend, or why not."
    remedy_zh = "请填写 1 至 500 个字的意见。"
    remedy_en = "Write a note of 1 to 500 signs."


class ApplicationUnknown(Problem):
    code = "application-unknown"
    status = 404
    zh = "没有这份申请。"
    en = "There is no such application."
    why_zh = "他人的申请同样如此回答。"
    why_en = "Another's application is answered in the same way."
    remedy_zh = "请核对编号和凭证，或从申请页面重新获取登录链接。"
    remedy_en = "Check its id and token, or ask for a new link on the application page."


class ApplicationClosed(Problem):
    code = "application-closed"
    status = 409
    zh = "申请在当前状态下不能这样做。"
    en = "The application's present state does not allow this."
    why_zh = "提交后的内容正在审核，改动会使审核失去依据。"
    why_en = "What was submitted is under review; the review would lose what it rests on."
    remedy_zh = "请等待审核结果；被退回后可以修改。"
    remedy_en = "Wait for the review; what is returned can be changed."


class AccountOfStaff(Problem):
    code = "application-account-of-staff"
    status = 409
    zh = "该机构的账号也是运营方工作人员的账号，未更换联系人。"
    en = "The organisation's account is also one of the operator's people; its contact was not changed."
    why_zh = "更换联系人会停用原账号或其登录方式，而工作人员的账号须另行决定。"
    why_en = "Another contact ends the former account or what it signs in with; of the staff's that takes a decision of its own."
    remedy_zh = "请先提出停用该工作人员账号（staff.close），批准后再提出更换联系人。"
    remedy_en = (
        "Propose to close that account of the staff's first (staff.close), and this once that is done."
    )


class RegistrationTaken(Problem):
    code = "application-registration-taken"
    status = 409
    zh = "该统一社会信用代码属于一家已入驻、由其他联系人管理的机构。"
    en = "This unified social credit code is that of a party that was admitted and that another contact looks after."
    why_zh = "证件号指明一家机构，他人不得以其名义入驻。"
    why_en = "The number names one organisation, and nobody else joins in its name."
    remedy_zh = "请核对代码；同一机构申请另一类别时，请用其现有联系人申请。机构也可请求更换联系人。"
    remedy_en = (
        "Check the code. An organisation that asks for another kind applies with the contact that it has; that contact can be "
        "replaced first."
    )


class ApplicationMended(Problem):
    code = "application-mended-since"
    status = 409
    zh = "您打开页面之后申请内容已被修改，这一意见未记录。"
    en = "The application was mended after you opened its page; what you found was not written down."
    why_zh = "审核意见须针对现在的内容。"
    why_en = "A finding is about what the application says now."
    remedy_zh = "请重新打开申请，查看改动后再审核。"
    remedy_en = "Open the application anew, look at what changed, and review it then."


class ContactRequestOpen(Problem):
    code = "contact-request-open"
    status = 409
    zh = "已有一份更换联系人的请求在等待办理。"
    en = "A request for another contact waits already."
    why_zh = "同一时间只办理一份，以免批准的不是您要的那位。"
    why_en = "One is decided at a time, so that it is not the wrong one that is approved."
    remedy_zh = "请等待结果，或先撤回再重新提出。"
    remedy_en = "Wait for the answer, or take it back and ask anew."


class ContactRequestEnded(Problem):
    code = "contact-request-ended"
    status = 409
    zh = "没有等待办理的这份更换联系人的请求，什么都没有办理。"
    en = "No such request for another contact waits, so nothing was done."
    why_zh = "请求可能已办结、被撤回，或请求的是另一位联系人。"
    why_en = "It was decided, refused or taken back, or it asks for somebody else."
    remedy_zh = "请重新打开页面查看现在的状态。"
    remedy_en = "Open the page anew and look at how it stands."


class ContactUnchanged(Problem):
    code = "contact-unchanged"
    status = 422
    zh = "这就是现在的联系方式，无须更换。"
    en = "This is the contact that there is already."
    why_zh = "更换会停用现有账号，须换成另一位联系人。"
    why_en = "A change ends the present account, so it has to be another contact's."
    remedy_zh = "请填写另一位联系人的邮箱或手机。"
    remedy_en = "Give the e-mail or mobile of somebody else."


class ApplicantUnproved(Problem):
    code = "application-contact-unproved"
    status = 409
    zh = "联系方式尚未验证。"
    en = "The contact's address is not proved yet."
    why_zh = "审核意见和通知须能送达。"
    why_en = "Findings and notices must reach somebody."
    remedy_zh = "请打开发送到联系方式的登录链接。"
    remedy_en = "Open the sign-in link that was sent to the contact."


class TermsNotAccepted(Problem):
    code = "application-terms"
    status = 422
    zh = "须同意现行版本的参与协议。"
    en = "The agreement in its present version must be accepted."
    why_zh = "权利义务以双方同意的版本为准（T/CECA-G 0203，6.2）。"
    why_en = "Duties are those of the version that both sides agreed to (T/CECA-G 0203, 6.2)."
    remedy_zh = "请阅读并勾选现行协议后再提交。"
    remedy_en = "Read it, accept the present version, and submit again."


class DocumentRefused(Problem):
    code = "document-refused"
    status = 422
    zh = "该文件不能接收。"
    en = "This document cannot be taken."
    why_zh = "只接收可以安全保存和查看的文件。"
    why_en = "Only files that can be kept and looked at safely are taken."
    remedy_zh = (
        "请上传 5 MB 以内的 PDF、PNG 或 JPEG；文件名不含路径；有期限的证件须填写到期日，且不早于今天。"
    )
    remedy_en = (
        "Send a PDF, PNG or JPEG of 5 MB at most, with a name that is no path; what runs out needs its last day, which is "
        "not before today."
    )


class DocumentUnknown(Problem):
    code = "document-unknown"
    status = 404
    zh = "没有这份文件，或其保存期已过。"
    en = "There is no such document, or its time to be kept is over."
    why_zh = "只能查看现存的文件。"
    why_en = "Only what is there can be shown."
    remedy_zh = "请从申请页面打开。"
    remedy_en = "Open it from the application."


class DocumentMissing(Problem):
    code = "document-missing"
    status = 409
    zh = "缺少必需的资质文件。"
    en = "A document that this kind of party must bring is missing."
    why_zh = "各类参与主体须具备相应资质（T/CECA-G 0203，6.2 至 6.6、8.4）。"
    why_en = "Each kind of party must be qualified (T/CECA-G 0203, 6.2 to 6.6 and 8.4)."
    remedy_zh = "请上传所列文件。"
    remedy_en = "Upload the documents that are named."


class DocumentExpired(Problem):
    code = "document-expired"
    status = 409
    zh = "资质文件已过有效期。"
    en = "A document has passed its last day."
    why_zh = "过期的文件不能证明现在的资质。"
    why_en = "It proves nothing about today."
    remedy_zh = "请上传有效的文件。"
    remedy_en = "Upload one that is valid."


class DocumentNotInOrder(Problem):
    code = "document-not-in-order"
    status = 409
    zh = "有文件尚未审核或未通过审核。"
    en = "A document was not reviewed yet, or found not in order."
    why_zh = "准入须以逐份审核为依据。"
    why_en = "Nobody is admitted on a paper that nobody read."
    remedy_zh = "请逐份审核，或退回申请方补正。"
    remedy_en = "Review each, or return the application to be mended."


class SandboxUnknown(Problem):
    code = "sandbox-unknown"
    status = 409
    zh = "本平台不知道哪个沙箱可信。"
    en = "This platform knows of no sandbox to trust."
    why_zh = "自检报告须由已知的沙箱签名。"
    why_en = "A report counts because a known sandbox signed it."
    remedy_zh = "请运营方启动 `abate serve --sandbox`，或在 ABATE_SANDBOX_KEY 中设置其 /log/key 所示公钥。"
    remedy_en = "The operator runs `abate serve --sandbox` beside it, or sets ABATE_SANDBOX_KEY to what its /log/key shows."


class ReportRefused(Problem):
    code = "conformance-report-refused"
    status = 422
    zh = "自检报告不被接受。"
    en = "The conformance report is not accepted."
    why_zh = "只有沙箱签名、本机构的、最近的、全部通过且试过每一种所报送行为的报告才能证明接入正确。"
    why_en = (
        "Only a report that the sandbox signed, of this party, fresh, passed in full and with each behaviour it is to send,"
        " shows that it is ready."
    )
    remedy_zh = (
        "请在沙箱的自检页面重新自检（缺少 own-行为 时先勾选该行为），"
        "或运行 `abate party check ... --behaviour 行为 --report 文件`，并原样提交该报告；有效期 14 天。"
    )
    remedy_en = (
        "Run the checks again on your page of the sandbox (where own-BEHAVIOUR is missing, tick that behaviour first), or"
        " `abate party check ... --behaviour BEHAVIOUR --report FILE`, and hand the report in as it is; it is good for 14 days."
    )


class NotSettled(Problem):
    code = "party-not-settled"
    status = 409
    zh = "该机构仍有未了事项，不能退出。"
    en = "Something between this party and the platform is still open, so it cannot leave."
    why_zh = "退出后无人再对差异和未兑付的积分负责。"
    why_en = "Once it has left nobody answers for breaks and for codes that were not honoured."
    remedy_zh = "请先处理所列事项；如三人决定仍要退出，申请中写明 despite 为 true。"
    remedy_en = (
        "Settle what is listed first; where three people decide otherwise, the proposal says `despite`: true."
    )


class NoticeMalformed(Problem):
    code = "notice-malformed"
    status = 422
    zh = "通知或答复的内容不符合要求。"
    en = "The notice or its answer is not as it must be."
    why_zh = "对方须能据此处理。"
    why_en = "The other side has to act on it."
    remedy_zh = "主题 1 至 120 字，内容 1 至 2000 字，答复期限不早于今天。"
    remedy_en = "A subject has 1 to 120 signs, a text 1 to 2000; the day to answer by is not before today."


class RunUnknown(Problem):
    code = "run-unknown"
    status = 404
    zh = "没有这次自检。"
    en = "There is no such run of the checks."
    why_zh = "其他机构的自检同样如此回答。"
    why_en = "Another party's run is answered in the same way."
    remedy_zh = "请从自检列表打开。"
    remedy_en = "Open it from the list of runs."


class NoticeUnknown(Problem):
    code = "notice-unknown"
    status = 404
    zh = "没有这项数据质量通知。"
    en = "There is no such notice."
    why_zh = "其他机构的通知同样如此回答。"
    why_en = "Another party's notice is answered in the same way."
    remedy_zh = "请从通知列表打开。"
    remedy_en = "Open it from the list of notices."


class NoticeClosed(Problem):
    code = "notice-closed"
    status = 409
    zh = "该通知在当前状态下不能这样处理。"
    en = "The notice's present state does not allow this."
    why_zh = "先答复，后关闭；关闭后不再答复。"
    why_en = "It is answered, then closed; what is closed is not answered any more."
    remedy_zh = "请查看通知的处理记录。"
    remedy_en = "Look at what was done with it."
