"""What this room refuses about children, households, members of organisations, and recovery of sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from abate.platform.doors.errors import Problem


class NotAChild(Problem):
    code = "not-under-14"
    status = 422
    zh = "该人已满 14 周岁，不能由监护人代为开户。"
    en = "This person is 14 or older: no guardian opens the account."
    why_zh = "年满十四周岁由本人同意（个人信息保护法第三十一条）。"
    why_en = "From 14 on a person agrees in person (PIPL, article 31)."
    remedy_zh = "请本人用自己的手机号或邮箱注册。"
    remedy_en = "They register with a phone or e-mail of their own."


class GuardianTooYoung(Problem):
    code = "guardian-under-18"
    status = 422
    zh = "监护人须年满 18 周岁。"
    en = "A guardian is 18 or older."
    why_zh = "未成年人不能作为监护人（民法典第十七、二十七条）。"
    why_en = "A minor cannot be a guardian (Civil Code, articles 17 and 27)."
    remedy_zh = "请由成年的监护人办理。"
    remedy_en = "A guardian of age opens the account."


class GuardianNeeded(Problem):
    """Between the 14th birthday and the owner's own consent the account rests."""

    code = "guardian-needed"
    status = 409
    zh = "该账户的监护期已满，尚未由本人接手。"
    en = "The guardian's time for this account is over and its owner has not taken it over yet."
    why_zh = "没有有效的同意就不处理个人信息。"
    why_en = "Without a consent in force nothing about a person is processed."
    remedy_zh = "请本人用自己的手机号或邮箱注册，即可接手该账户。"
    remedy_en = "The owner registers with a phone or e-mail of their own and takes the account over."


class ConsentMissing(Problem):
    code = "consent-missing"
    status = 422
    zh = "需要您逐项同意。"
    en = "Each consent is given by its own tick, and one is missing."
    why_zh = "敏感个人信息须单独同意（个人信息保护法第二十九、三十一条）。"
    why_en = "Sensitive data need a separate consent (PIPL, articles 29 and 31)."
    remedy_zh = "请逐项阅读并勾选。"
    remedy_en = "Read each of them and tick it."


class RelationUnknown(Problem):
    code = "relation-unknown"
    status = 422
    zh = "请选择您与孩子的关系。"
    en = "Say what you are to the child."
    why_zh = "只有父母或其他监护人可以为孩子同意。"
    why_en = "Only a parent or another guardian agrees for a child."
    remedy_zh = "选择“父母”或“其他监护人”。"
    remedy_en = "Choose parent or other guardian."


class TooManyChildren(Problem):
    code = "too-many-children"
    status = 409
    zh = "您名下的儿童账户已达上限。"
    en = "You look after as many accounts of children as one person may."
    why_zh = "防止冒用儿童身份批量开户。"
    why_en = "It keeps anybody from opening accounts in bulk with children's identities."
    remedy_zh = "请由另一位监护人办理，或联系平台运营方。"
    remedy_en = "Another guardian opens it, or ask the platform's operator."


class ChildMayNot(Problem):
    code = "child-may-not"
    status = 403
    zh = "本平台不允许儿童账户办理此事。"
    en = "On this platform the account of a child may not do that."
    why_zh = "儿童账户能否兑换、转赠由运营方的规则决定（ABATE_CHILDREN_MAY）。"
    why_en = "Whether a child's account redeems or gives is the operator's policy (ABATE_CHILDREN_MAY)."
    remedy_zh = "年满 14 周岁、本人接手账户后即可办理。"
    remedy_en = "It can from the 14th birthday on, once its owner has taken it over."


class ClosedByPolicy(Problem):
    code = "closed-by-policy"
    status = 403
    zh = "本平台未开放此项操作。"
    en = "This platform does not offer that."
    why_zh = "积分能否兑换、转赠由运营方依法决定（ABATE_PEOPLE_MAY）。"
    why_en = (
        "Whether credits are redeemed or given is the operator's policy, within the law (ABATE_PEOPLE_MAY)."
    )
    remedy_zh = "积分仍在您的账户中；可以向运营方询问。"
    remedy_en = "Your credits stay where they are; ask the operator."


class ChildrenFirst(Problem):
    """The children's accounts are closed before their guardian's (ledger/erasing.py does both)."""

    code = "children-first"
    status = 409
    zh = "您名下还有儿童账户。"
    en = "You still look after accounts of children."
    why_zh = "没有监护人的同意，儿童账户不能继续。"
    why_en = "Without a guardian's consent a child's account cannot go on."
    remedy_zh = "先注销这些账户。"
    remedy_en = "Close them first."


class HouseholdCollects(Problem):
    """The detail names the behaviours, not the member."""

    code = "household-collects"
    status = 409
    zh = "您家庭中的另一位成员已授权同一项户表行为。"
    en = "Another member of your household lets a partner send the same behaviour of the household's meter."
    why_zh = "一户一表，同一用量只计一次。"
    why_en = "One meter of one household counts once."
    remedy_zh = "请那位成员先撤回授权，再由您授权。"
    remedy_en = "Let that member withdraw it first; then authorise it yourself."


class InHouseholdAlready(Problem):
    code = "in-household-already"
    status = 409
    zh = "您已在一个家庭中。"
    en = "You are in a household already."
    why_zh = "同一用量不能在两个家庭中计入。"
    why_en = "What a household saves cannot count in two."
    remedy_zh = "先退出现在的家庭，再加入。"
    remedy_en = "Leave it first, then join."


class GroupFull(Problem):
    code = "group-full"
    status = 409
    zh = "这个家庭的人数已满。"
    en = "This household has as many members as one may have."
    why_zh = "家庭人数的上限由平台规定。"
    why_en = "How many a household may have is the platform's policy."
    remedy_zh = "等有成员退出后再加入。"
    remedy_en = "Join when a member has left."


class InvitationUnknown(Problem):
    """The same whether the code was never given, used up or too old: nothing is told about groups."""

    code = "invitation-unknown"
    status = 404
    zh = "邀请码不正确、已用完或已过期。"
    en = "The invitation is wrong, used up, or has expired."
    why_zh = "只有被邀请的人可以加入。"
    why_en = "Only who was invited joins."
    remedy_zh = "请对方重新发一个邀请码。"
    remedy_en = "Ask for a new invitation."


class InvitationMalformed(Problem):
    code = "invitation-malformed"
    status = 422
    zh = "邀请的人数须为 1 至 100000，有效期最长 90 天。"
    en = "An invitation is for 1 to 100000 people and good for 90 days at most."
    why_zh = "不限人数和期限的邀请码等于公开。"
    why_en = "A code without an end is open to everybody."
    remedy_zh = "请改正后重试。"
    remedy_en = "Correct it and try again."


class TooManyInvitations(Problem):
    code = "too-many-invitations"
    status = 409
    zh = "还有二十个邀请码未用。"
    en = "Twenty invitations of yours are still open."
    why_zh = "未用的邀请码越多，越容易被他人使用。"
    why_en = "The more of them lie about, the sooner one is used by somebody else."
    remedy_zh = "先使用已有的邀请码，或等其过期。"
    remedy_en = "Use those there are, or wait until they expire."


class MembershipUnknown(Problem):
    code = "membership-unknown"
    status = 404
    zh = "您没有加入过它。"
    en = "You have no such membership."
    why_zh = "只能退出自己加入的家庭或单位。"
    why_en = "Everybody leaves what they joined themselves."
    remedy_zh = "请刷新页面。"
    remedy_en = "Open the page again."


class NotAnEnterprise(Problem):
    code = "not-an-enterprise"
    status = 409
    zh = "只有登记为企业的机构可以邀请成员。"
    en = "Only a party that is registered as an enterprise invites members."
    why_zh = "单位成员的合计数只提供给所在单位。"
    why_en = "Figures of members are for the organisation that they belong to."
    remedy_zh = "请联系运营方登记为企业。"
    remedy_en = "Ask the operator to register the organisation as an enterprise."


class AccountFrozen(Problem):
    """Only who proved the contact learns this. `until` is the last day of keeping, `grounds` the duties in words, `user_id` whose
    account it was: what its person is told of an incident they are told here (PIPL article 57).
    """

    code = "account-frozen"
    status = 409
    zh = "您的账户已申请注销，依法须留存的记录到期即删除。"
    en = "You left this account; its records are kept as a duty demands and then deleted."
    why_zh = "计入期内的记录须留存备查，其间除保存外不作任何处理（个人信息保护法第四十七条）。"
    why_en = "Records of a crediting period are kept for checking; nothing but keeping is done with them (PIPL, article 47)."
    remedy_zh = "到期删除后可以重新开户；有疑问请联系平台运营方。"
    remedy_en = "You can open an account again once they are deleted; ask the platform's operator about it."

    def __init__(self, until: date, grounds: Sequence[Sequence[str]], user_id: int) -> None:
        self.user_id = user_id
        zh, en = ("；".join(one[0] for one in grounds), "; ".join(one[1] for one in grounds))
        self.zh = f"{type(self).zh}留存至 {until}，依据：{zh}。"
        self.en = f"{type(self).en} Kept until {until}: {en}."
        super().__init__(str(until))


class RecoveryNeedsCode(Problem):
    code = "recovery-needs-code"
    status = 403
    zh = "恢复账户需要一个恢复码。"
    en = "Recovering an account needs one of its recovery codes."
    why_zh = "本站没有接入可核验身份的机构，姓名和证件号别人也可能知道。"
    why_en = (
        "No authority that could check identities is asked here, and others may know a name and a number."
    )
    remedy_zh = "请输入一个未用过的恢复码；没有恢复码的，请持证件联系运营方。"
    remedy_en = "Give a recovery code that was not used; without one, go to the operator with your papers."


class RecoveryTooOften(Problem):
    code = "recovery-too-often"
    status = 429
    zh = "这个证件号近期申请恢复的次数已达上限。"
    en = "Recovery was asked for this identity number as often as it may be for now."
    why_zh = "防止有人反复试恢复码，或反复打扰账户的主人。"
    why_en = "It keeps anybody from trying recovery codes, or from flooding the owner with notices."
    remedy_zh = "请 30 天后再试，或持证件联系运营方。"
    remedy_en = "Try again after 30 days, or go to the operator with your papers."


class RecoveryGone(Problem):
    code = "recovery-gone"
    status = 404
    zh = "这个恢复申请已经结束，或链接无效。"
    en = "This recovery is over, or the link is not right."
    why_zh = "链接只能阻止尚未完成的恢复。"
    why_en = "The link stops a recovery that is still waiting, and nothing else."
    remedy_zh = "如果登录方式已被更换而不是您本人操作，请立即联系运营方。"
    remedy_en = "If the way of signing in was changed and it was not you, tell the operator at once."


class UndoGone(Problem):
    code = "contact-undo-gone"
    status = 404
    zh = "这个撤销链接已用过、已过期，或无效。"
    en = "This link was used, its time is over, or it is not right."
    why_zh = "更换联系方式后 72 小时内，原联系方式收到的链接可撤销一次。"
    why_en = "For 72 hours the link that the old contact was sent takes a change back, once."
    remedy_zh = "如果不是您本人更换的，请在登录页找回账户，并告知运营方。"
    remedy_en = (
        "If it was not you who changed it, recover the account on the sign-in page, and tell the operator."
    )


class RecoveryUnderWay(Problem):
    code = "recovery-under-way"
    status = 409
    zh = "有人正在申请找回这个账户，现在不能更换联系方式。"
    en = "A recovery of this account is under way: no contact can be changed now."
    why_zh = "找回要等更换的撤销期过去；反复更换会让找回一直等下去。"
    why_en = (
        "A recovery waits until a change can no longer be taken back, so changes would put it off for ever."
    )
    remedy_zh = "找回不是您本人申请的，或您不再需要，请先在“登录与安全”阻止它，再更换。"
    remedy_en = "If the recovery is not yours, or you need it no more, stop it under Sign-in and security; then change."


class NotBound(Problem):
    code = "party-not-bound"
    status = 409
    zh = "您没有对该机构的生效授权。"
    en = "You have no authorisation of this party in force."
    why_zh = "只有您已授权的机构才能申请获取您的信息；最后一项授权撤回时，同意一并终止。"
    why_en = "Only a party that you authorised may ask to be told of you; what you agreed to ends with its last authorisation."
    remedy_zh = "如仍愿意提供，请先在“我的授权”中授权该机构。"
    remedy_en = "If you still want it, authorise the party first, under My authorisations."
