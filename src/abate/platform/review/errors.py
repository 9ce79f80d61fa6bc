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


class NotEnrolled(Problem):
    code = "staff-not-enrolled"
    status = 409
    zh = "该账号没有实名登记，不能授予运营方角色。"
    en = "This account is tied to no real person, so it can hold no role of the operator's."
    why_zh = "权限须落实到具体的人。"
    why_en = "A right is held by a real person."
    remedy_zh = "先完成实名登记（review.actions.enrol），再授予角色。"
    remedy_en = "Enrol it with its holder's identity first (review.actions.enrol), then grant the role."


class EnrolledOtherwise(Problem):
    code = "staff-enrolled-otherwise"
    status = 409
    zh = "该账号已登记在另一实名之下。"
    en = "This account is tied to another person already."
    why_zh = "一个账号只属于一个人。"
    why_en = "One account is one person's."
    remedy_zh = "账号不能转给他人：请停用它，另开新账号。"
    remedy_en = "An account never changes hands: deactivate it and make a new one."


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
    remedy_zh = "角色见 review/rights.toml。"
    remedy_en = "The roles stand in review/rights.toml."
