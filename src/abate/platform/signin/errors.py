"""What this room refuses. No text tells whether an account exists."""

from __future__ import annotations

from abate.platform.doors.errors import Problem


class SignInRefused(Problem):
    code = "sign-in-refused"
    status = 403
    zh = "账号或密码不正确。"
    en = "Account or password is not right."
    why_zh = "不说明是哪一项有误，以免他人探知账号。"
    why_en = "Which of the two is wrong is not told: it would tell others which accounts there are."
    remedy_zh = "请核对后重试；忘记密码请向安全管理员索取一次性链接。"
    remedy_en = "Check both and try again; a forgotten password is replaced with a single-use link."


class FactorRefused(Problem):
    code = "second-factor-refused"
    status = 403
    zh = "动态口令、恢复码或通行密钥不正确，或已用过。"
    en = "The code or passkey is not right, or it was used before."
    why_zh = "第二个因素证明登录的是本人。"
    why_en = "The second factor is what shows that it is you."
    remedy_zh = "请等下一个动态口令，或改用另一个因素、恢复码。"
    remedy_en = "Wait for the next code, or use another factor or a recovery code."


class TooManyTries(Problem):
    code = "too-many-tries"
    status = 429
    zh = "尝试次数过多，已暂停。"
    en = "Too many tries; no more are taken for now."
    why_zh = "限制登录失败次数（GB/T 22239-2019，8.1.4.1 b）。"
    why_en = "Failed tries are limited (GB/T 22239-2019, 8.1.4.1 b)."
    remedy_zh = "请稍后再试，或使用通行密钥登录。"
    remedy_en = "Try again later, or sign in with a passkey."

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


class RecoveryCodesTooOften(Problem):
    code = "recovery-codes-too-often"
    status = 429
    zh = "今天生成恢复码的次数过多。"
    en = "Recovery codes were made too often today."
    why_zh = "每次生成都需要大量计算。"
    why_en = "Making them takes much computing each time."
    remedy_zh = "请使用上次显示的恢复码，或明天再生成。"
    remedy_en = "Use the ones that were shown last, or make new ones tomorrow."

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


class PasswordRefused(Problem):
    """`reasons` are codes of passwords.REASONS."""

    code = "password-refused"
    status = 422
    zh = "密码不符合要求。"
    en = "The password does not meet the rules."
    why_zh = "太短、常见或用过的密码很快会被猜出。"
    why_en = "Short, common and earlier passwords are guessed soon."
    remedy_zh = "请换一个更长、不常见的密码。"
    remedy_en = "Choose one that is longer and less common."

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


class SecondFactorMissing(Problem):
    code = "second-factor-missing"
    status = 403
    zh = "该账号须先通过第二个因素。"
    en = "This account needs its second factor first."
    why_zh = (
        "后台角色一律采用两种以上鉴别方式（GB/T 22239-2019，8.1.4.1 d）；其他账号可由本人或运营方作此要求。"
    )
    why_en = (
        "Every role of the operator's is shown by two kinds of proof (GB/T 22239-2019, 8.1.4.1 d); of other accounts their "
        "holders, or the operator, may ask it."
    )
    remedy_zh = "请在 /sign-in/second 使用通行密钥或动态口令，尚未设置的在 /security 设置；命令行用 `abate staff sign-in`。"
    remedy_en = "Use passkey or code at /sign-in/second, or set one up at /security; `abate staff sign-in` asks for it."


class PasswordTooOld(Problem):
    code = "password-too-old"
    status = 403
    zh = "密码已到更换期限。"
    en = "The password has reached the age at which it must be changed."
    why_zh = "鉴别信息须定期更换（GB/T 22239-2019，8.1.4.1 a）。"
    why_en = "What identifies somebody is changed regularly (GB/T 22239-2019, 8.1.4.1 a)."
    remedy_zh = "请在 /security/password 设置新密码；命令行用 `abate staff password`。"
    remedy_en = "Set a new one at /security/password, on the command line with `abate staff password`."


class ProofNeeded(Problem):
    code = "fresh-proof-needed"
    status = 403
    zh = "这一步需要您刚刚再次证明是本人。"
    en = "This step needs a proof of you that is only minutes old."
    why_zh = "兑换、密钥和导出不能只凭一个打开的会话。"
    why_en = "An open session alone does not redeem, make keys or export."
    remedy_zh = (
        "请在 /confirm 用通行密钥或一次性验证码确认（命令行用 `abate staff sign-in`），然后重做这一步。"
    )
    remedy_en = (
        "Confirm at /confirm with a passkey or a one-time code, on the command line with `abate staff sign-in`, and "
        "repeat the step."
    )


class FirstFactorNeedsLink(Problem):
    code = "first-factor-needs-link"
    status = 403
    zh = "首个通行密钥或动态口令应用只能在打开登录链接后的几分钟内添加。"
    en = "A first passkey or app is added only within minutes of opening a sign-in link."
    why_zh = "它今后可证明是您本人；捡到一个打开的会话的人，不得借此为自己添加。"
    why_en = "From then on it shows that it is you: whoever comes by an open session must not make one of their own."
    remedy_zh = "请用新的登录链接登录后立即添加：机构联系人在 /confirm 索取，核销终端向所属机构索取，工作人员向安全管理员索取。"
    remedy_en = (
        "Sign in with a new link and add it at once: a party's contact asks for one at /confirm, a till asks its organisation, "
        "the staff a security administrator."
    )


class LastFactor(Problem):
    code = "last-second-factor"
    status = 409
    zh = "这是唯一的第二个因素，不能移除。"
    en = "This is the only second factor; it cannot be removed."
    why_zh = "后台账号不得没有第二个因素。"
    why_en = "A back-office account is never without one."
    remedy_zh = "请先添加另一个。"
    remedy_en = "Add another one first."


class FactorFirst(Problem):
    code = "second-factor-first"
    status = 409
    zh = "还没有第二个因素，设置没有变化。"
    en = "There is no second factor yet; the setting is as it was."
    why_zh = "没有第二个因素时要求它，您就再也无法登录。"
    why_en = "To ask for what you do not have would lock you out."
    remedy_zh = "请先在“登录与安全”添加通行密钥或动态口令应用。"
    remedy_en = "Add a passkey or an app with codes under Sign-in and security first."


class FactorUnknown(Problem):
    code = "second-factor-unknown"
    status = 404
    zh = "没有这个登录因素。"
    en = "There is no such factor of yours."
    why_zh = "只能管理自己的登录方式。"
    why_en = "Everybody keeps only their own ways of signing in."
    remedy_zh = "请刷新“登录与安全”页面。"
    remedy_en = "Open the page of sign-in and security again."


class EndingNeedsReason(Problem):
    code = "sessions-ending-needs-reason"
    status = 422
    zh = "结束他人的会话须说明理由（1 至 200 字，一行）；会话没有变化。"
    en = "To end somebody's sessions needs a reason, 1 to 200 signs on one line; they are as they were."
    why_zh = "当事人会读到理由，事后也须能说明原因。"
    why_en = "Whose sessions they are reads it, and later somebody has to be able to say why."
    remedy_zh = "请写明理由后再结束。"
    remedy_en = "Say why, and end them again."


class AccountNotKnown(Problem):
    code = "account-not-known"
    status = 404
    zh = "没有这个账号。"
    en = "There is no such account."
    why_zh = "会话属于账号；找不到账号就没有会话可以结束。"
    why_en = "Sessions belong to an account; without it there are none to end."
    remedy_zh = "请核对账号编号或个人的平台编号；`abate staff list` 列出工作人员账号。"
    remedy_en = (
        "Check the account's handle or the person's pseudonym; `abate staff list` shows those of the staff."
    )


class LinkForStaffOnly(Problem):
    code = "link-for-staff-only"
    status = 403
    zh = "该账号不属于运营方的任何人员，不能在此为其生成登录链接。"
    en = "This account is nobody's of the operator's staff: no sign-in link is made for it here."
    why_zh = "机构和申请方的账号只由其本人登录，链接只发往其本人的联系方式。"
    why_en = "A party's or an applicant's account is theirs alone: its links go to their own contact only."
    remedy_zh = "请其本人在 /sign-in 申请登录链接。"
    remedy_en = "Its holder asks for a link at /sign-in."


class LinkNeedsAdministrator(Problem):
    code = "link-needs-administrator"
    status = 403
    zh = "系统已启用，只有安全管理员登录后才能生成登录链接。"
    en = "The set-up is over: only a security administrator who is signed in makes a sign-in link."
    why_zh = "否则一个人在命令行就能以录入、复核、审批三个人的身份签署。"
    why_en = "Else one person at a shell could sign as the three who enter, check and approve."
    remedy_zh = (
        "请安全管理员先运行 `abate staff sign-in`，再运行 `abate staff link 账号`；账号持有人的通知页会记下。"
    )
    remedy_en = "A security administrator runs `abate staff sign-in` and then this; the holder's page of notices tells of it."
