from abate.platform.doors.errors import Problem


class LinkSpent(Problem):
    code = "sign-in-link-spent"
    status = 403
    zh = "登录链接已使用或已过期。"
    en = "This sign-in link was used before, or it has expired."
    why_zh = "一次性链接只用一次，防止被他人再用。"
    why_en = "A link works once, so that nobody uses it after you."
    remedy_zh = "请向平台运营方索取新的链接。"
    remedy_en = "Ask the operator for a new link."


class NoRight(Problem):
    code = "no-right"
    status = 403
    zh = "当前账号没有这项权限（P-8.4-c）。"
    en = "No role of this account has this right (P-8.4-c)."
    why_zh = "录入、复核、审批、查询分级授权（T/CECA-G 0203，8.4）。"
    why_en = "Rights are given by role (T/CECA-G 0203, 8.4)."
    remedy_zh = "请退出后用有权限的账号登录，或请安全管理员授予角色。"
    remedy_en = "Sign in with an account that may, or ask the security administrator for a role."


class ExportTooLarge(Problem):
    code = "export-too-large"
    status = 422
    zh = "符合条件的审计记录过多，不能从页面一次导出。"
    en = "More rows match than a page gives out at once."
    why_zh = "页面一次导出的行数有限，以免一次查询占用全部内存；不完整的文件不会给出。"
    why_en = "A page holds a whole file in memory, and a file that ends early would be taken for all of it."
    remedy_zh = "请缩短日期范围后重试，或使用 `abate audit export`。"
    remedy_en = "Name fewer days, or use `abate audit export`."


class NotEnrolled(Problem):
    code = "staff-not-enrolled"
    status = 409
    zh = "该账号没有实名登记，不能授予运营方角色。"
    en = "This account is tied to no real person, so it can hold no role of the operator's."
    why_zh = "权限须落实到具体的人。"
    why_en = "A right is held by a real person."
    remedy_zh = "先提出“工作人员开户（实名登记）”（staff.enrol），批准后再授予角色。"
    remedy_en = (
        "Propose to enrol it with its holder's identity first (staff.enrol); once approved, grant the role."
    )


class EnrolledOtherwise(Problem):
    code = "staff-enrolled-otherwise"
    status = 409
    zh = "该账号已登记在另一实名之下。"
    en = "This account is tied to another person already."
    why_zh = "一个账号只属于一个人。"
    why_en = "One account is one person's."
    remedy_zh = "账号不能转给他人：请停用它，另开新账号。"
    remedy_en = "An account never changes hands: deactivate it and make a new one."


class AccountOfAnother(Problem):
    code = "staff-account-of-another"
    status = 409
    zh = "该账号已由申请机构、门店、合作方或个人使用，不能登记为工作人员账号。"
    en = "This account is an applicant's, a till's, a partner's or a person's already: it cannot become one of the staff's."
    why_zh = "能收到该机构邮件的人就能登录它，而运营方的角色只归运营方的人。"
    why_en = "Whoever reads that organisation's mail signs in to it; the operator's roles are the operator's people's alone."
    remedy_zh = "请不填账号，为此人另开一个；两个账号按同一证件号码识别为同一人。"
    remedy_en = "Leave the account out: a new one is made for them. By the same identity's number both are known as one person's."


class RolesExclude(Problem):
    code = "roles-exclude"
    status = 409
    zh = "系统、安全、审计三类管理员以及业务角色不得由同一人兼任（GB/T 22239，8.1.4.2d）。"
    en = (
        "One person is at most one of system, security and audit administrator, and no administrator holds a role of "
        "operations, under any account (GB/T 22239, 8.1.4.2d)."
    )
    why_zh = "三员分立，互不兼任。"
    why_en = "Three administrators watch each other only while they are three."
    remedy_zh = "请把角色授予另一人；换岗时先撤销原有角色。"
    remedy_en = "Grant it to another person; on a change of post, take the earlier roles back first."


class RoleUnknown(Problem):
    code = "role-unknown"
    status = 422
    zh = "没有这个角色。"
    en = "There is no such role."
    why_zh = "权限须对应登记过的角色。"
    why_en = "Rights hang on roles that are known."
    remedy_zh = "角色见 review/rights.toml；首批人员文件中一人有多个角色时以空格分隔。"
    remedy_en = "The roles stand in review/rights.toml; in the file of the first people several of one are parted by spaces."


class ActionUnknown(Problem):
    code = "change-unknown"
    status = 404
    zh = "没有这种变更。"
    en = "There is no such kind of change."
    why_zh = "需三人办理的变更逐一登记，未登记的一律不做。"
    why_en = "Changes that need three people are registered one by one; nothing else is done."
    remedy_zh = "`abate proposals kinds` 列出全部变更及其参数。"
    remedy_en = "`abate proposals kinds` lists all of them with their arguments."


class ArgumentsMalformed(Problem):
    code = "change-malformed"
    zh = "变更的参数缺失、多余或类型不符。"
    en = "An argument of the change is missing, of the wrong type, or not one of its own."
    why_zh = "复核和审批的人须看到变更的全部内容。"
    why_en = "Those who check and approve must see the whole of the change."
    remedy_zh = "`abate proposals kinds` 列出每种变更的参数。"
    remedy_en = "`abate proposals kinds` lists the arguments of each change."


class NothingTicked(Problem):
    code = "nothing-ticked"
    status = 422
    zh = "没有勾选任何一项，没有任何变动。"
    en = "None is ticked; nothing was changed."
    why_zh = "批量办理只及于所勾选的各项。"
    why_en = "A decision on many is about those that are ticked, and no others."
    remedy_zh = "请返回上一页，勾选要办理的各项后再提交。"
    remedy_en = "Go back, tick what is to be decided, and send it again."


class ReasonMissing(Problem):
    code = "reason-missing"
    zh = "提出或驳回变更须说明理由（1 至 500 字）。"
    en = "A proposal and a rejection need a reason, 1 to 500 signs."
    why_zh = "没有理由，别人无从判断。"
    why_en = "Without a reason nobody else can judge it."
    remedy_zh = "请写明为什么要这样做。"
    remedy_en = "Say why it is to be done."


class NothingChanges(Problem):
    code = "nothing-changes"
    status = 409
    zh = "现状已经如此，无需变更。"
    en = "It is so already: there is nothing to change."
    why_zh = "申请须说明有什么会改变。"
    why_en = "A proposal tells what will be different."
    remedy_zh = "无需处理。"
    remedy_en = "Nothing is to be done."


class ProposalUnknown(Problem):
    code = "proposal-unknown"
    status = 404
    zh = "没有这项变更申请。"
    en = "There is no such proposal."
    why_zh = "编号对应唯一一项申请。"
    why_en = "A number stands for one proposal."
    remedy_zh = "`abate proposals list` 列出待处理的申请。"
    remedy_en = "`abate proposals list` shows what is open."


class SamePerson(Problem):
    code = "three-people"
    status = 403
    zh = "同一人不得经手同一申请的两个环节，换用另一账号也不行（P-8.4-c）。"
    en = "One person takes one step of a proposal, under whatever account: nobody checks or approves their own (P-8.4-c)."
    why_zh = "一个人不得独自完成变更（P-8.4-c）。"
    why_en = "No one person makes a change alone (P-8.4-c)."
    remedy_zh = "请由另一位工作人员复核或审批。"
    remedy_en = "Somebody else has to check or approve it."


class ConcernsOneself(Problem):
    code = "concerns-oneself"
    status = 403
    zh = "变更涉及本人或您所代表的机构，您不得复核或审批。"
    en = "You have a part in this change, so you have no say in it."
    why_zh = "自己的角色、账号、积分，被监护人或监护人的积分，以及自己代表的机构，由别人决定。"
    why_en = (
        "One's own role, account and credits, those of a ward or guardian, and a party that one acts for are for others to "
        "decide about."
    )
    remedy_zh = "请由另一位工作人员处理。"
    remedy_en = "Somebody else has to decide."


class NotChecked(Problem):
    code = "proposal-not-checked"
    status = 409
    zh = "该申请尚未复核，不能审批。"
    en = "The proposal was not checked yet, so it cannot be approved."
    why_zh = "审批之前须有第二人核对内容。"
    why_en = "A second person looks at the content before a third approves it."
    remedy_zh = "请先由复核人员复核。"
    remedy_en = "Let somebody check it first."


class ProposalEnded(Problem):
    code = "proposal-ended"
    status = 409
    zh = "该申请已经这一步，或已审批、驳回。"
    en = "This step was taken before, or the proposal was approved or rejected."
    why_zh = "每个环节只办理一次，办结后不再改变。"
    why_en = "Each step is taken once, and an end is an end."
    remedy_zh = "请查看申请的办理记录；如仍需变更，请另行提出。"
    remedy_en = "Look at its steps; if the change is still wanted, propose it anew."


class ProposalExpired(Problem):
    code = "proposal-expired"
    status = 409
    zh = "该申请已过期。"
    en = "The proposal has expired."
    why_zh = "两周前的判断不再适用于现在。"
    why_en = "What was judged two weeks ago may no longer hold."
    remedy_zh = "如仍需变更，请另行提出。"
    remedy_en = "If the change is still wanted, propose it anew."


class StateMoved(Problem):
    code = "state-moved"
    status = 409
    zh = "提出申请之后现状已经改变，申请所依据的“变更前”不再成立。"
    en = "Things have moved since the proposal was made: what it calls `before` is no longer so."
    why_zh = "复核的内容与将要执行的内容必须一致。"
    why_en = "What was checked and what would be done must be the same."
    remedy_zh = "请驳回该申请，按现状另行提出。"
    remedy_en = "Reject it and propose the change anew from how things stand now."


class ProposalOutdated(Problem):
    code = "proposal-outdated"
    status = 409
    zh = "提出申请之后，这种变更的参数已随系统升级改变，该申请不能再办理。"
    en = "An upgrade gave this kind of change other arguments since it was proposed: the proposal cannot be carried out."
    why_zh = "复核和审批的内容须是系统现在能够执行的内容。"
    why_en = "What is checked and approved must be what the system can do now."
    remedy_zh = "请驳回该申请，按现在的参数另行提出（`abate proposals kinds`）。"
    remedy_en = "Reject it and propose it anew with the arguments of today (`abate proposals kinds`)."


class OutcomeDiffers(Problem):
    code = "outcome-differs"
    status = 409
    zh = "执行结果与申请所述“变更后”不一致，已全部撤回。"
    en = "What was done is not what the proposal calls `after`; all of it was taken back."
    why_zh = "审批的是“变更后”的内容，不能执行成别的样子。"
    why_en = "What was approved is what it calls `after`, and nothing else is done."
    remedy_zh = "请另行提出申请；如再次发生，请报告缺陷。"
    remedy_en = "Propose it anew; if it happens again, report a defect."


class NotApproved(Problem):
    code = "not-approved"
    status = 409
    zh = "该变更尚未经提出、复核、审批，不能执行。"
    en = "This was not proposed, checked and approved, so it is not done."
    why_zh = "此类变更关系他人利益，须三人办理（P-8.4-c）。"
    why_en = "Others live by it, so it takes three people (P-8.4-c)."
    remedy_zh = "请先提出申请：`abate proposals make`，或在运营后台提出。"
    remedy_en = "Propose it first: `abate proposals make`, or the operator's console."


class SystemOpen(Problem):
    code = "system-open"
    status = 409
    zh = "系统已启用：首次设置只能在空系统上进行一次。"
    en = "The system is open: its first people are set once, in the empty system."
    why_zh = "首批人员不经审批，因此只能设置一次。"
    why_en = "The first people are made without approval, and so only once."
    remedy_zh = "人员和角色的变更请提出申请（staff.enrol、role.grant）。"
    remedy_en = "Propose further people and roles (staff.enrol, role.grant)."


class TooFewPeople(Problem):
    code = "too-few-people"
    zh = "首批人员须至少包括安全管理员，以及录入、复核、审批各一名不同的人。"
    en = "The first people are at least a security administrator and three different people for entry, check and approve."
    why_zh = "少于三人，任何变更都无法完成。"
    why_en = "With fewer no change could ever be made."
    remedy_zh = "请在名单中补齐；少于三人无法完成任何变更。"
    remedy_en = "Add who is missing: with fewer people no change could ever be made."


class LastOfRole(Problem):
    code = "last-of-role"
    status = 409
    zh = "这是该角色的最后一人，撤销后任何变更都无法完成。"
    en = "This is the last person in the role: without them no change could be made any more."
    why_zh = "没有这一角色，就无法再授予任何角色。"
    why_en = "Without this role no role could be given again."
    remedy_zh = "请先把该角色授予另一人。"
    remedy_en = "Grant the role to somebody else first."


class NotSignedIn(Problem):
    code = "not-signed-in"
    status = 401
    zh = "命令行没有登录，不知道是谁在操作。"
    en = "The command line is not signed in: it does not know who is acting."
    why_zh = "命令行与页面适用同样的权限。"
    why_en = "The command line has the same rights as the pages."
    remedy_zh = "登录：`abate staff sign-in 链接`，或 `abate staff sign-in --account 账号`。"
    remedy_en = "Sign in: `abate staff sign-in LINK`, or `abate staff sign-in --account ACCOUNT`."


class AccountUnknown(Problem):
    code = "staff-account-unknown"
    status = 404
    zh = "没有这个工作人员账号。"
    en = "There is no such account of the staff."
    why_zh = "角色只能授予已开户的工作人员。"
    why_en = "A role belongs to an account that is there."
    remedy_zh = "请核对账号编号；`abate staff list` 列出全部账号。"
    remedy_en = "Check its handle; `abate staff list` shows all of them."
