"""What this room refuses. No text, detail or representation here carries a name, a number or a contact."""

from __future__ import annotations

from abate.platform.doors.errors import Problem

# Why a real-name check did not pass: code -> (Chinese, English).
REASONS = {
    "name": ("姓名为空或含有不能用于姓名的字符。", "The name is empty or holds signs that no name has."),
    "form": (
        "身份证号码应为 18 位,末位为数字或 X。",
        "An identity number has 18 signs, the last a digit or X.",
    ),
    "area": ("身份证号码前两位不是行政区划代码。", "The first two digits are no code of a province."),
    "birth-date": (
        "身份证号码中的出生日期无效或在将来。",
        "The birth date in the number is invalid or in the future.",
    ),
    "check-digit": ("身份证号码校验位不符(GB 11643)。", "The number's check digit does not fit (GB 11643)."),
    "made-up": (
        "该号码属于虚构区划,只能用于演示。",
        "This number's area does not exist: it is for made-up people in a demo only.",
    ),
    "not-made-up": (
        "虚构人员必须使用不存在的区划代码。",
        "A made-up person must have a number of the area that does not exist.",
    ),
    "age": (
        "核验方给出的年龄与号码中的出生日期不一致。",
        "The age that the provider gives is not that of the number.",
    ),
    "no-match": ("姓名与号码不匹配。", "Name and number do not belong together."),
}


class IdentityRefused(Problem):
    code = "identity-refused"
    status = 422
    zh = "实名信息未通过核验。"
    en = "The real-name check did not pass."
    why_zh = "一人一户须以真实身份为准。"
    why_en = "One account for one person rests on a real identity."
    remedy_zh = "请对照证件核对姓名和号码后重试。"
    remedy_en = "Compare name and number with the document and try again."

    def __init__(self, reason: str) -> None:
        self.reason = reason
        zh, en = REASONS.get(reason, ("", ""))
        self.zh, self.en = f"{type(self).zh}{zh}", f"{type(self).en} {en}".strip()
        super().__init__(reason)


class IdentityTaken(Problem):
    code = "identity-taken"
    status = 409
    zh = "该身份已开立碳账户;一人只能有一个账户。"
    en = "An account for this identity exists already; one person has one account."
    why_zh = "一人多户会重复获得激励。"
    why_en = "Two accounts would reward one act twice."
    remedy_zh = "请用开户时的手机号或邮箱登录;如非本人开立,请联系平台运营方。"
    remedy_en = (
        "Sign in with the contact it was opened with; if that was not you, ask the platform's operator."
    )


class TooYoung(Problem):
    code = "under-14"
    status = 422
    zh = "未满 14 周岁，不能自己开户。"
    en = "Nobody under 14 opens an account alone."
    why_zh = "未满十四周岁须由监护人同意（个人信息保护法第三十一条）。"
    why_en = "Under 14 a guardian must agree (PIPL, article 31)."
    remedy_zh = "请监护人登录自己的账户，在“家人”页为孩子开户。"
    remedy_en = "The guardian signs in to the own account and opens one for the child on the page “Family”."


class ContactMalformed(Problem):
    code = "contact-malformed"
    zh = "这不是有效的手机号或邮箱。"
    en = "This is neither a mobile number nor an e-mail address."
    why_zh = "验证码只能发往有效的手机号或邮箱。"
    why_en = "A code can only be sent to a real number or address."
    remedy_zh = "请输入 11 位大陆手机号(可带 +86)或完整邮箱。"
    remedy_en = (
        "Enter a mainland mobile number of 11 digits (with +86 or without) or a complete e-mail address."
    )


class ContactTaken(Problem):
    code = "contact-taken"
    status = 409
    zh = "该手机号或邮箱已用于另一个账户。"
    en = "Another account signs in with this phone or e-mail."
    why_zh = "一个联系方式只对应一个账户。"
    why_en = "One contact signs in to one account."
    remedy_zh = "请直接登录,或使用另一个联系方式注册。"
    remedy_en = "Sign in, or register with another contact."


class ContactUnproved(Problem):
    code = "contact-unproved"
    status = 403
    zh = "尚未验证该手机号或邮箱属于您。"
    en = "It is not proved yet that this phone or e-mail is yours."
    why_zh = "未经验证的联系方式可能属于他人。"
    why_en = "A contact that is not proved may be another person's."
    remedy_zh = "请先获取并输入验证码。"
    remedy_en = "Ask for a code and enter it first; a proof is good for 30 minutes."


class ContactSame(Problem):
    code = "contact-same"
    status = 409
    zh = "您的账户已在使用该手机号或邮箱。"
    en = "Your account uses this phone or e-mail already."
    why_zh = "新的联系方式须与现有的不同。"
    why_en = "A new contact is one that the account does not have."
    remedy_zh = "请输入另一个手机号或邮箱。"
    remedy_en = "Enter another phone number or e-mail address."


class ContactGone(Problem):
    code = "contact-gone"
    status = 409
    zh = "要更换的联系方式已不在您的账户中。"
    en = "The contact to be changed is not your account's any more."
    why_zh = "它可能刚在另一处被更换；没有作任何改动。"
    why_en = "It may just have been changed elsewhere; nothing was changed here."
    remedy_zh = "请重新打开“更换联系方式”页查看；不是您本人更换的，请立即检查“登录与安全”。"
    remedy_en = "Open the page again and look; if you did not change it, see Sign-in and security at once."


class CodeRefused(Problem):
    code = "code-refused"
    status = 403
    zh = "验证码错误、已使用或已过期。"
    en = "The code is wrong, was used before, or has expired."
    why_zh = "验证码证明联系方式属于本人。"
    why_en = "The code is what proves that the contact is yours."
    remedy_zh = "请核对最新的验证码,或稍后重新获取。"
    remedy_en = "Check the newest code, or ask for another one later."


class NoAccount(Problem):
    """Only someone who entered the right code learns this; `proof` lets him register with the contact."""

    code = "no-account"
    status = 404
    zh = "该手机号或邮箱尚未开立账户。"
    en = "No account signs in with this phone or e-mail."
    why_zh = "登录须先有账户。"
    why_en = "Only somebody with an account can sign in."
    remedy_zh = "请注册。"
    remedy_en = "Register; the contact is proved already."

    def __init__(self, proof: str) -> None:
        super().__init__()
        self.proof = proof


class TooManyCodes(Problem):
    code = "too-many-codes"
    status = 429
    zh = "获取验证码过于频繁。"
    en = "Too many codes were asked for."
    why_zh = "防止有人用验证码骚扰他人或猜测验证码。"
    why_en = "It keeps others from flooding a phone or guessing codes."
    remedy_zh = "请稍后再试。"
    remedy_en = "Try again later."

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


class CodeNotSent(Problem):
    code = "code-not-sent"
    status = 503
    zh = "验证码未能发出。"
    en = "The code could not be sent."
    why_zh = "没有验证码就无法证明号码属于本人。"
    why_en = "Without the code nobody can prove that the contact is his."
    remedy_zh = "请稍后再试,或改用另一种联系方式。"
    remedy_en = "Try again later, or use another contact."


class NoticeMissing(Problem):
    code = "notice-missing"
    zh = "缺少所同意的告知书版本。"
    en = "The version of the notice that was agreed to is missing."
    why_zh = "同意须对应一份确定的告知（个人信息保护法）。"
    why_en = "Consent is to a notice of a known version (PIPL)."
    remedy_zh = "请先阅读并同意告知书。"
    remedy_en = "Read the notice and agree to it first."


class BehaviourNotOffered(Problem):
    code = "behaviour-not-offered"
    status = 422
    zh = "该机构没有提供此行为的数据。"
    en = "This party does not send that behaviour."
    why_zh = "授权只针对该机构实际报送的行为。"
    why_en = "An authorisation covers what the party really sends, and nothing more."
    remedy_zh = "请从该机构的行为清单中选择,至少一项。"
    remedy_en = "Choose from the party's list, at least one."


class AuthorisationUnknown(Problem):
    code = "authorisation-unknown"
    status = 404
    zh = "没有这项授权。"
    en = "You have given no such authorisation."
    why_zh = "只能撤回自己给出的授权。"
    why_en = "Only the person who gave an authorisation takes it back."
    remedy_zh = "请刷新“我的授权”页面。"
    remedy_en = "Open the page of your authorisations again."


class PersonErased(Problem):
    code = "person-erased"
    status = 410
    zh = "该账户已注销,个人信息已不可读取。"
    en = "This account was cancelled; nothing personal in it can be read any more."
    why_zh = "注销后个人资料无法再读取。"
    why_en = "After erasure nothing personal can be read."
    remedy_zh = "无法恢复。"
    remedy_en = "It cannot be brought back."


class RequestMalformed(Problem):
    code = "request-malformed"
    status = 422
    zh = "请选择请求的种类，并用 1 至 2000 字说明。"
    en = "Choose what you ask for and say it in 1 to 2000 signs."
    why_zh = "没有说明就无法办理。"
    why_en = "Without it nobody could act on it."
    remedy_zh = "请补充说明后再提交。"
    remedy_en = "Add the text and send it again."


class RequestUnknown(Problem):
    code = "request-unknown"
    status = 404
    zh = "没有这项请求，或已经答复。"
    en = "There is no such request, or it was answered."
    why_zh = "每项请求只答复一次，答复不可更改。"
    why_en = "A request is answered once, and the answer stays."
    remedy_zh = "请刷新列表。"
    remedy_en = "Open the list again."


class TooManyRequests(Problem):
    code = "too-many-requests-open"
    status = 429
    zh = "您还有十项请求尚未答复。"
    en = "Ten of your requests are still open."
    why_zh = "让每项请求都能按时答复。"
    why_en = "So that every one can be answered in time."
    remedy_zh = "请等待答复后再提交新的请求。"
    remedy_en = "Wait for an answer before you send another."


class ProviderSilent(Problem):
    """The detail says how it failed, never about whom."""

    code = "real-name-unavailable"
    status = 503
    zh = "实名核验服务暂时无法使用。"
    en = "The real-name check cannot be reached or gave no valid answer."
    why_zh = "没有核验结果就不能开户。"
    why_en = "Without its answer no account is opened."
    remedy_zh = "请稍后再试；运营方请检查核验服务。"
    remedy_en = "Try again later; the operator looks at the provider."


class NothingCorrected(Problem):
    code = "nothing-corrected"
    status = 422
    zh = "填写的内容与现有身份信息相同。"
    en = "What was given is what stands there already."
    why_zh = "没有变化就没有新版本。"
    why_en = "Without a change there is no new version."
    remedy_zh = "请填写更正后的姓名或证件号码。"
    remedy_en = "Give the right name, or the right number."


class SomebodyElse(Problem):
    code = "correction-of-both"
    status = 422
    zh = "姓名和证件号码不能都更正，分次也不可以。"
    en = "Name and number cannot both be corrected, at once or in turn."
    why_zh = "两者都与开户时不同就是另一个人：账户不能转给他人。"
    why_en = (
        "Where both differ from the first ones it is another person, and an account is passed on to nobody."
    )
    remedy_zh = "请只更正一项；两项确有错误，请在隐私中心向运营方提出请求。"
    remedy_en = "Correct one of them; where both are wrong, ask the operator in the privacy centre."


class CorrectedMeanwhile(Problem):
    code = "corrected-meanwhile"
    status = 409
    zh = "身份信息刚刚已被更正，本次没有保存。"
    en = "The identity was corrected a moment ago; this was not saved."
    why_zh = "核验的是更正前的信息。"
    why_en = "What was checked is not what stands there now."
    remedy_zh = "请刷新页面，确认现有信息后再提交。"
    remedy_en = "Reload the page and look before you send it again."


class ChildsIdentity(Problem):
    code = "identity-of-a-child"
    status = 403
    zh = "孩子的身份信息不能在此更正。"
    en = "A child's identity is not corrected here."
    why_zh = "监护关系以开户时核验的身份为准。"
    why_en = "Guardianship rests on the identity that was checked when the account was opened."
    remedy_zh = "请监护人在隐私中心向运营方提出更正请求。"
    remedy_en = "The guardian asks the operator in the privacy centre."


class CorrectedTooOften(Problem):
    code = "corrected-too-often"
    status = 429
    zh = "一年内更正身份信息的次数已达上限。"
    en = "The identity was corrected as often as it may be in a year."
    why_zh = "防止有人借更正试探他人的身份信息。"
    why_en = "It keeps anybody from trying out other people's identities."
    remedy_zh = "请在隐私中心向运营方提出更正请求。"
    remedy_en = "Ask the operator in the privacy centre."


class NumberNeedsAuthority(Problem):
    code = "number-needs-authority"
    status = 403
    zh = "证件号码不能在此更正。"
    en = "The number is not corrected here."
    why_zh = "本站没有接入可核验身份的机构，无从知道新号码是谁的。"
    why_en = "No authority that could check identities is asked here: nobody knows whose the new number is."
    remedy_zh = "请在隐私中心向运营方提出更正请求，并出示证件。"
    remedy_en = "Ask the operator in the privacy centre, with your papers."


class ContactRests(Problem):
    code = "contact-changed-lately"
    status = 409
    zh = "72 小时内刚更换过一个联系方式。"
    en = "Another contact was changed within the last 72 hours."
    why_zh = "给账户的主人留出时间，在其余联系方式还有效时看到通知。"
    why_en = "The owner needs time to read the notice while another contact of theirs still works."
    remedy_zh = "请在 72 小时后再更换；不是您本人更换的，请立即联系运营方。"
    remedy_en = "Change it after 72 hours; if the change was not yours, tell the operator at once."
