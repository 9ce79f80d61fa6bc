from abate.platform.doors.errors import Problem


class LinkSpent(Problem):
    code = "sign-in-link-spent"
    status = 403
    zh = "登录链接已使用或已过期。"
    en = "This sign-in link was used before, or it has expired."
    remedy_zh = "请向平台运营方索取新的链接。"
    remedy_en = "Ask the operator for a new link."
