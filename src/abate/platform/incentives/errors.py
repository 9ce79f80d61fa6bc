"""Every refusal of the room. Each left everything as it was."""

from abate.platform.doors.errors import Problem


class OfferUnknown(Problem):
    code = "offer-unknown"
    status = 404
    zh = "没有这个兑换项目。"
    en = "There is no such offer."
    why_zh = "只能兑换现有的兑换项。"
    why_en = "Only an offer that exists can be redeemed."
    remedy_zh = "请从兑换列表中选择。"
    remedy_en = "Choose one from the list of offers."


class OfferClosed(Problem):
    code = "offer-closed"
    status = 409
    zh = "这个兑换项目已下架或不在兑换期内，积分未扣除。"
    en = "This offer is closed or outside its period. No credits were spent."
    why_zh = "期外兑换没有人兑付。"
    why_en = "Outside its period nobody honours an offer."
    remedy_zh = "请选择其他兑换项目。"
    remedy_en = "Choose another offer."


class OfferEnded(OfferClosed):
    code = "offer-ended"
    zh = "这个兑换项目已经结束，不再兑换，积分未扣除。"
    en = "This offer has ended: nobody redeems it any more. No credits were spent."
    why_zh = "已结束的兑换项目不再接受新的兑换；已有的兑换码仍然有效。"
    why_en = "An offer that was ended takes no new orders; codes that people hold stay good."


class OfferPaused(OfferClosed):
    """Its organisation is suspended, or a paper of its has passed its last day."""

    code = "offer-paused"
    zh = "提供方目前暂停接入，这个兑换项目暂不能兑换，积分未扣除。"
    en = "Who gives this does not take part for now, so nobody orders it. No credits were spent."
    why_zh = "暂停期间没有收银台核销，兑换码无处可用。"
    why_en = "Until it takes part again no till of its burns a code."
    remedy_zh = "请选择其他兑换项目，或在其恢复后再兑换。"
    remedy_en = "Choose another offer, or come back when it takes part again."


class OutOfStock(Problem):
    code = "out-of-stock"
    status = 409
    zh = "这个兑换项目已经兑完，积分未扣除。"
    en = "This offer has run out. No credits were spent."
    why_zh = "没有库存就无法兑付。"
    why_en = "Nothing is left to hand out."
    remedy_zh = "请选择其他兑换项目，或等待商户补充。"
    remedy_en = "Choose another offer, or wait until the acceptor adds more."


class OrderConflict(Problem):
    code = "order-conflict"
    status = 409
    zh = "同一个订单号已用于另一个兑换项目，积分未扣除。"
    en = "This order id was already used for another offer. No credits were spent."
    why_zh = "一个订单号只对应一次兑换。"
    why_en = "An order id stands for one redemption."
    remedy_zh = "请回到兑换项目页面重新下单。"
    remedy_en = "Go back to the offer and order again: the page makes a new id."


class BadOffer(Problem):
    code = "bad-offer"
    status = 422
    zh = "兑换项目的内容不合规则。"
    en = "The offer breaks a rule."
    why_zh = "写错的兑换项会让用户换不到东西。"
    why_en = "A wrong offer would take credits for nothing."
    remedy_zh = "价格和有效天数须为正整数，库存不能为负，结束时间须晚于开始时间，标题须有中英文。"
    remedy_en = (
        "Price and days must be positive, stock not negative, the end after the start, both titles given."
    )


class NotAcceptor(Problem):
    code = "not-acceptor"
    status = 403
    zh = "当前账号不是任何商户的核销员。"
    en = "This account belongs to no acceptor."
    why_zh = "只有积分消纳方可以核销。"
    why_en = "Only an acceptor burns codes."
    remedy_zh = "请用商户账号登录，或请平台运营方把您加入商户。"
    remedy_en = "Sign in with an acceptor's account, or ask the operator to add you to one."


class CodeUnknown(Problem):
    """Unknown and another party's are one answer: an acceptor learns nothing about others' codes."""

    code = "code-unknown"
    status = 404
    zh = "这个兑换码不存在，或不属于您的商户。"
    en = "There is no such code at your organisation."
    why_zh = "只能核销本机构发出的兑换码。"
    why_en = "An organisation burns its own codes only."
    remedy_zh = "请核对 12 位兑换码（不含 0、1、I、L、O、U），或请顾客出示二维码。"
    remedy_en = "Check the 12 signs (0, 1, I, L, O and U never occur), or scan the customer's QR code."


class CodeBurnt(Problem):
    code = "code-burnt"
    status = 409
    zh = "这个兑换码已经核销过。"
    en = "This code has already been burnt."
    why_zh = "一个兑换码只能换一次。"
    why_en = "A code is worth its goods once."
    remedy_zh = "请不要再次提供商品。核销时间见下方今日列表或顾客的“我的兑换码”。"
    remedy_en = "Do not hand out the goods again. The time is in today's list and in the customer's codes."


class CodeExpired(Problem):
    code = "code-expired"
    status = 410
    zh = "这个兑换码已过有效期。"
    en = "This code has expired."
    why_zh = "积分在兑换时已经注销；过期的兑换码不再有价值，积分不退回。"
    why_en = "Its credits were spent when it was ordered. Past its last moment it is worth nothing, and they do not come back."
    remedy_zh = "请不要提供商品；顾客可在“我的兑换码”中看到有效期。"
    remedy_en = "Do not hand out the goods; the customer sees the last day under “My codes”."


class CodeCancelled(Problem):
    code = "code-cancelled"
    status = 409
    zh = "这个兑换码已取消，积分已退回。"
    en = "This code was cancelled and its credits were given back."
    why_zh = "积分已退回，兑换码不再有价值。"
    why_en = "Its credits went back, so the code is worth nothing."
    remedy_zh = "请不要提供商品；顾客可以重新兑换。"
    remedy_en = "Do not hand out the goods; the customer can order again."


class TooManyWrongCodes(Problem):
    code = "too-many-wrong-codes"
    status = 429
    zh = "错误的兑换码输入过多，核销已暂停。"
    en = "Too many wrong codes were typed; burning is paused."
    why_zh = "防止猜测兑换码。"
    why_en = "It keeps codes from being guessed."
    remedy_zh = "请在 15 分钟后重试，并直接扫描顾客的二维码。"
    remedy_en = "Try again in 15 minutes, and scan the customer's QR code."


class GivingBackNeedsReason(Problem):
    code = "giving-back-needs-reason"
    status = 422
    zh = "退回积分须写明原因。"
    en = "Giving credits back needs a reason."
    why_zh = "冲正记录永久保留，须能看出缘由。"
    why_en = "The reversal stays for good, and must say why it was made."
    remedy_zh = "请写一行原因，最长 200 字，例如“缺货”。"
    remedy_en = 'Write one line, 200 signs at most, such as "sold out".'
