"""Django's settings. Everything an operator sets comes from the environment; nothing has an unsafe default."""

from __future__ import annotations

import os
from pathlib import Path

from abate.platform.config import sandbox
from abate.platform.config.log_lines import OneLine
from abate.platform.doors import database
from abate.platform.doors.keyring import read
from abate.platform.web.shielding import shielded

ABATE_DATA_DIR = os.environ.get("ABATE_DATA_DIR", ".abate")
ABATE_SECRET_FILE = os.environ.get("ABATE_SECRET_FILE", str(Path(ABATE_DATA_DIR) / "secrets.json"))
ABATE_ZONE = os.environ.get("ABATE_ZONE", "Asia/Shanghai")
ABATE_REGION = os.environ.get("ABATE_REGION") or None
ABATE_GRADE_FLOOR = os.environ.get("ABATE_GRADE_FLOOR", "standard")
ABATE_OPERATOR_PACK = os.environ.get("ABATE_OPERATOR_PACK") or None
# The file of rules by which two records are seen to be one act; unset, what is shipped. "none" compares nothing.
ABATE_SAME_ACT = os.environ.get("ABATE_SAME_ACT") or None
# The file of rules by which booked records are looked at again; unset, what is shipped. "none" looks at none.
ABATE_ANOMALIES = os.environ.get("ABATE_ANOMALIES") or None
# The file of rules of alarms; unset, what is shipped; "none" raises none. Where each role is told: "role=a@b.cn; role=..."
# (docs/howto/alarms.md).
ABATE_ALARMS = os.environ.get("ABATE_ALARMS") or None
ABATE_ALARM_TO = os.environ.get("ABATE_ALARM_TO") or ""
# Where `abate backup` keeps its copies; `abate upgrade` looks for the newest one there.
ABATE_BACKUP = os.environ.get("ABATE_BACKUP") or None
# Packs that were in force once: what was booked on them recomputes from these files, as they were then.
ABATE_FORMER_PACKS = [name for name in os.environ.get("ABATE_FORMER_PACKS", "").split(os.pathsep) if name]
# A file with the witnesses that are asked to cosign the log's heads (log/cosigning.py).
ABATE_WITNESSES = os.environ.get("ABATE_WITNESSES") or None
# SM3 inside the leaves and a signature line by SM2 under the log's heads (docs/howto/national-algorithms.md).
ABATE_LOG_SM = os.environ.get("ABATE_LOG_SM") == "1"
# Who keeps the log's roots elsewhere, and how often (log/anchoring.py).
ABATE_ANCHOR = os.environ.get("ABATE_ANCHOR") or None
ABATE_ANCHOR_FILE = os.environ.get("ABATE_ANCHOR_FILE") or None
ABATE_ANCHOR_SECONDS = int(os.environ.get("ABATE_ANCHOR_SECONDS") or 3600)
# Adapters for codes and notices, "," between; each carries some of e-mail, phone, push (doors/messages.py, doors/push.py).
ABATE_MESSAGES = os.environ.get("ABATE_MESSAGES", "abate.platform.doors.messages.Console")
# The gateway for short messages, and the file with the key both sides hold (doors/messages.py).
ABATE_SMS_URL = os.environ.get("ABATE_SMS_URL") or None
ABATE_SMS_KEY = os.environ.get("ABATE_SMS_KEY") or None
# Who answers the real-name check. The built-in provider sees the form of a number only and is no authority.
ABATE_REAL_NAME = os.environ.get("ABATE_REAL_NAME", "abate.platform.people.identity.FormProvider")
# For the provider over HTTP (people/asking.py): the address of the adapter, and the file with the key both sides hold.
ABATE_REAL_NAME_URL = os.environ.get("ABATE_REAL_NAME_URL") or None
ABATE_REAL_NAME_KEY = os.environ.get("ABATE_REAL_NAME_KEY") or None
# Which party answers there: it must be in standing, with the grant to identify users. Without it nobody's is asked for.
ABATE_REAL_NAME_PARTY = os.environ.get("ABATE_REAL_NAME_PARTY") or None
# Where clamd listens, which looks at every file that is sent (doors/scanner.py); none is asked where it is empty.
ABATE_SCANNER = os.environ.get("ABATE_SCANNER", "")
# Limits on one-time codes that differ from people/policy.py, such as {"per_address": 100}.
ABATE_CODE_POLICY: dict[str, int] = {}
# Who handles people's data, and how to reach them: told wherever somebody agrees to it (PIPL article 17).
ABATE_OPERATOR_NAME = os.environ.get("ABATE_OPERATOR_NAME", "")
ABATE_OPERATOR_CONTACT = os.environ.get("ABATE_OPERATOR_CONTACT", "")
# What people may do with their credits themselves: of `redeem` and `transfer`, `,` between.
ABATE_PEOPLE_MAY = [name for name in os.environ.get("ABATE_PEOPLE_MAY", "redeem").split(",") if name]
# What the account of a child under 14 may do with its credits: of `redeem` and `transfer`, `,` between. Nothing by default.
ABATE_CHILDREN_MAY = [name for name in os.environ.get("ABATE_CHILDREN_MAY", "").split(",") if name]
# What a group in shared figures must be (sharing/editions.py): so many people, none with more than this share. Our policy.
ABATE_SHARING_LEAST_PEOPLE = int(os.environ.get("ABATE_SHARING_LEAST_PEOPLE") or 10)
ABATE_SHARING_LARGEST_PERCENT = int(os.environ.get("ABATE_SHARING_LARGEST_PERCENT") or 50)
# Rules on passwords, `asvs` or `dengbao3`, and limits that differ from signin/policy.py.
ABATE_SIGN_IN_PROFILE = os.environ.get("ABATE_SIGN_IN_PROFILE", "asvs")
ABATE_SIGN_IN_POLICY: dict[str, int | bool] = {}
# A file of leaked passwords, one a line, plain or gzip, beside the 20,000 that Django knows.
ABATE_LEAKED_PASSWORDS = os.environ.get("ABATE_LEAKED_PASSWORDS") or None
ABATE_ORIGIN = os.environ.get("ABATE_ORIGIN", "http://127.0.0.1:8000")
# A sandbox is an installation of its own: `abate serve --sandbox` (docs/decisions/0021-a-sandbox-of-its-own.md).
ABATE_SANDBOX = os.environ.get("ABATE_SANDBOX") == "1"
# The public key of the sandbox whose conformance reports count here, as its /log/key shows it; without it, that of the
# sandbox beside this installation.
ABATE_SANDBOX_KEY = os.environ.get("ABATE_SANDBOX_KEY") or None
# Where who joins is sent to try; empty where nothing says how others than this machine reach the sandbox.
ABATE_SANDBOX_ORIGIN = sandbox.origin(ABATE_ORIGIN)
# Lets webhooks go to this machine, and without TLS: for tests and trials on one machine only.
ABATE_WEBHOOK_LOOPBACK = os.environ.get("ABATE_WEBHOOK_LOOPBACK") == "1"
# Tokens and sign-ins that one address may ask for in a minute.
ABATE_ADDRESS_PER_MINUTE = int(os.environ.get("ABATE_ADDRESS_PER_MINUTE") or 60)
# A file of working days and days off of the years that people/holidays.csv does not have (people/requests.py).
ABATE_HOLIDAYS = os.environ.get("ABATE_HOLIDAYS", "")
# At most so many people at the till of one acceptor, open invitations with them, and so many links a day. Our policy.
ABATE_TILLS_PER_PARTY = int(os.environ.get("ABATE_TILLS_PER_PARTY") or 100)
# Each person is in at most so many answers to one request for data of single people a day (sharing/people.py). Our policy.
ABATE_SHARING_ANSWERS_PER_DAY = int(os.environ.get("ABATE_SHARING_ANSWERS_PER_DAY") or 24)
# What one signed-in account may ask for in a minute, by all its sessions together; signing out and taking back are not counted.
ABATE_ACCOUNT_PER_MINUTE = int(os.environ.get("ABATE_ACCOUNT_PER_MINUTE") or 600)
# True only where `abate demo` made the installation: made-up people and figures are marked everywhere.
ABATE_DEMO = os.environ.get("ABATE_DEMO") == "1"

_keys = read(Path(ABATE_SECRET_FILE)) if Path(ABATE_SECRET_FILE).exists() else None
# Without a secret file only commands that need none can run: an empty key makes Django refuse to sign anything.
SECRET_KEY = _keys.django.hex() if _keys else ""
# What the key of before its last exchange signed: sessions, forms, links in mails.
SECRET_KEY_FALLBACKS = [_keys.former_django.hex()] if _keys and _keys.former_django else []
DEBUG = False
_tls = ABATE_ORIGIN.startswith("https://")
ALLOWED_HOSTS = [ABATE_ORIGIN.split("://", 1)[-1].split("/")[0].rsplit(":", 1)[0], "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = [ABATE_ORIGIN]
SECURE_SSL_REDIRECT = _tls
# A program that calls without TLS is refused (web/gate.py), not led on: nobody would notice that its key was overheard.
SECURE_REDIRECT_EXEMPT = [r"^v1/", r"^identity/o/api/", r"^log/"]
SECURE_HSTS_SECONDS = 31_536_000 if _tls else 0
# Only the operator knows whether every name below the platform's has TLS.
SECURE_HSTS_INCLUDE_SUBDOMAINS = _tls and os.environ.get("ABATE_HSTS_SUBDOMAINS") == "1"
ABATE_BEHIND_PROXY = os.environ.get("ABATE_BEHIND_PROXY") == "1"
# Proxies on other machines whose word about a sender's address counts: addresses or networks.
ABATE_TRUSTED_PROXIES = os.environ.get("ABATE_TRUSTED_PROXIES", "").replace(",", " ").split()
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ABATE_BEHIND_PROXY else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _tls
# A browser keeps a cookie of this prefix only from this very host, over TLS; without TLS it keeps none, so the name depends.
_only_here = "__Host-" if _tls else ""
# A cookie belongs to a host whatever its port: under the same names a look at the sandbox beside it signs out of live.
_area = f"{_only_here}sandbox_" if ABATE_SANDBOX else _only_here
SESSION_COOKIE_NAME = f"{_area}abate_session"
CSRF_COOKIE_NAME = f"{_area}csrftoken"
LANGUAGE_COOKIE_NAME = f"{_only_here}django_language"
ABATE_FLASH_COOKIE_NAME = f"{_area}messages"
MESSAGE_STORAGE = "abate.platform.web.flash.Flash"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

ROOMS = [
    "log",
    "review",
    "notices",
    "alarms",
    "announcements",
    "signin",
    "parties",
    "people",
    "events",
    "carbon",
    "ledger",
    "credits",
    "incentives",
    "anomalies",
    "quarantine",
    "reconciliation",
    "sharing",
    "joining",
]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.idp.oidc",
    *(f"abate.platform.{room}" for room in ROOMS),
    "abate.platform.web",
]
AUTH_USER_MODEL = "review.User"
# A user carries no name and no address; allauth is told not to look for them.
ACCOUNT_USER_MODEL_USERNAME_FIELD = "handle"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
MFA_ADAPTER = "abate.platform.signin.adapter.Factors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# With their holder verified on the device, so that a passkey is two factors by itself.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
# One step of 30 seconds either way: phones' clocks are a little off (RFC 6238, 5.2).
MFA_TOTP_TOLERANCE = 1
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "abate.platform.web.turning_away.tells",
    "abate.platform.config.nul.refuse_nul",
    "abate.platform.web.token_door.token_door",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "abate.platform.web.sessions.Sessions",
    "abate.platform.web.middleware.Pages",
    "abate.platform.web.gate.Gate",
]
CSRF_FAILURE_VIEW = "abate.platform.web.refusals.form_outdated"
ROOT_URLCONF = "abate.platform.config.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ASGI_APPLICATION = "abate.platform.config.asgi.application"

# Documents of applicants: in memory, never in clear on a disk (web/paper_upload.py).
FILE_UPLOAD_HANDLERS = ["abate.platform.web.paper_upload.InMemory"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 6_000_000
DATA_UPLOAD_MAX_NUMBER_FILES = 2

# The application works under a role that may not change or delete what is append-only (config/grants.py).
DATABASES = {
    "default": database.settings(
        os.environ.get("DATABASE_URL") or "postgresql:///abate_not_configured",
        os.environ.get("ABATE_DB_ROLE", ""),
    )
}
CACHES = {"default": {"BACKEND": "abate.platform.signin.kept.Table"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = ABATE_ZONE
USE_I18N = True
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_ADD_HEADERS_FUNCTION = shielded
# No page of another site reads a file of ours.
WHITENOISE_ALLOW_ALL_ORIGINS = False
LOGIN_URL = "/sign-in"

IDP_OIDC_ADAPTER = "abate.platform.web.binding.Provider"
IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN = 3600

EMAIL_HOST = os.environ.get("ABATE_MAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("ABATE_MAIL_PORT") or 25)
EMAIL_HOST_USER = os.environ.get("ABATE_MAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("ABATE_MAIL_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("ABATE_MAIL_STARTTLS") == "1"
# Longer than a sending may take would keep its lease for nothing (doors/rounds.py).
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("ABATE_MAIL_FROM", "abate@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": OneLine}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # A page that is not there, or a form refused, is the caller's affair: only faults of ours are written down.
    # What is hostile in a request (too many fields) is a row of the trail: as a trace here anybody could fill the disk with it.
    "loggers": {
        "abate": {"level": "INFO"},
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
    },
}
