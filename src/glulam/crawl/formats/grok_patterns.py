"""The named patterns that a grok pattern can refer to, under the names that grok is known by, and the built-in log formats.

Written so that none backtracks without end; what a custom pattern does is bounded in time (`grok.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_NUMBERS = {
    "INT": r"[+-]?[0-9]+",
    "BASE10NUM": r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)",
    "NUMBER": r"%{BASE10NUM}",
    "BASE16NUM": r"[+-]?(?:0x)?[0-9A-Fa-f]+",
    "BASE16FLOAT": r"\b[+-]?(?:0x)?(?:[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]*)?|\.[0-9A-Fa-f]+)\b",
    "POSINT": r"\b[1-9][0-9]*\b",
    "NONNEGINT": r"\b[0-9]+\b",
    "BOOLEAN": r"(?i:true|false)",
}
_WORDS = {
    "USERNAME": r"[a-zA-Z0-9._-]+",
    "USER": r"%{USERNAME}",
    "EMAILLOCALPART": r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~.]+",
    "EMAILADDRESS": r"%{EMAILLOCALPART}@%{HOSTNAME}",
    "WORD": r"\b\w+\b",
    "NOTSPACE": r"\S+",
    "SPACE": r"\s*",
    "DATA": r".*?",
    "GREEDYDATA": r".*",
    "QUOTEDSTRING": r"""(?:"(?:\\.|[^\\"])*+"|'(?:\\.|[^\\'])*+')""",
    "QS": r"%{QUOTEDSTRING}",
    "UUID": r"[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}",
    "LOGLEVEL": r"(?i:trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|"
                r"emerg(?:ency)?|alert)",
}  # fmt: skip
_NETWORK = {
    "MAC": r"(?:%{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC})",
    "CISCOMAC": r"(?:[A-Fa-f0-9]{4}\.){2}[A-Fa-f0-9]{4}",
    "WINDOWSMAC": r"(?:[A-Fa-f0-9]{2}-){5}[A-Fa-f0-9]{2}",
    "COMMONMAC": r"(?:[A-Fa-f0-9]{2}:){5}[A-Fa-f0-9]{2}",
    "IPV4": rf"(?<![0-9])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9])",
    "IPV6": r"(?<![:.\w])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:)(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|"
    rf"(?:{_OCTET}\.){{3}}{_OCTET})?(?:%[\w.]+)?",
    "IP": r"(?:%{IPV6}|%{IPV4})",
    "HOSTNAME": r"\b[0-9A-Za-z][0-9A-Za-z-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z-]{0,62})*\.?(?=\W|$)",
    "HOST": r"%{HOSTNAME}",
    "IPORHOST": r"(?:%{IP}|%{HOSTNAME})",
    "HOSTPORT": r"%{IPORHOST}:%{POSINT}",
    "PATH": r"(?:%{UNIXPATH}|%{WINPATH})",
    "UNIXPATH": r"(?:/[\w_%!$@:.,+~-]*+)+",
    "TTY": r"/dev/(?:pts|tty[pq]?)(?:\w+)?/?(?:[0-9]+)",
    "WINPATH": r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*+)+",
    "URIPROTO": r"[A-Za-z][A-Za-z0-9+.-]*",
    "URIHOST": r"%{IPORHOST}(?::%{POSINT})?",
    "URIPATH": r"(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_\-]*+)+",
    "URIPARAM": r"\?[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?\-\[\]<>]*",
    "URIPATHPARAM": r"%{URIPATH}(?:%{URIPARAM})?",
    "URI": r"%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?",
}
_TIMES = {
    "MONTH": r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b",
    "MONTHNUM": r"(?:0?[1-9]|1[0-2])",
    "MONTHNUM2": r"(?:0[1-9]|1[0-2])",
    "MONTHDAY": r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])",
    "DAY": r"(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)",
    "YEAR": r"(?:[0-9]{4}|[0-9]{2})",
    "HOUR": r"(?:2[0-3]|[01]?[0-9])",
    "MINUTE": r"[0-5][0-9]",
    "SECOND": r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?",
    "TIME": r"(?<![0-9])%{HOUR}:%{MINUTE}(?::%{SECOND})(?![0-9])",
    "DATE_US": r"%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}",
    "DATE_EU": r"%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}",
    "DATE": r"(?:%{DATE_US}|%{DATE_EU})",
    "ISO8601_TIMEZONE": r"(?:Z|[+-]%{HOUR}(?::?%{MINUTE}))",
    "ISO8601_SECOND": r"(?:%{SECOND}|60)",
    "TIMESTAMP_ISO8601": r"%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?",
    "DATESTAMP": r"%{DATE}[- ]%{TIME}",
    "TZ": r"(?:[PMCE][SD]T|UTC|GMT)",
    "DATESTAMP_RFC822": r"%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}",
    "DATESTAMP_RFC2822": r"%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}",
    "DATESTAMP_OTHER": r"%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}",
    "DATESTAMP_EVENTLOG": r"%{YEAR}%{MONTHNUM2}%{MONTHDAY}%{HOUR}%{MINUTE}%{SECOND}",
    "HTTPDATE": r"%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}",
    "HTTPDERROR_DATE": r"%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}",
    "SYSLOGTIMESTAMP": r"%{MONTH} +%{MONTHDAY} %{TIME}",
    "CATALINA_DATESTAMP": r"%{MONTH} %{MONTHDAY}, 20%{YEAR} %{HOUR}:?%{MINUTE}(?::?%{SECOND}) (?:AM|PM)",
    "TOMCAT_DATESTAMP": r"20%{YEAR}-%{MONTHNUM}-%{MONTHDAY} %{HOUR}:?%{MINUTE}(?::?%{SECOND}) %{ISO8601_TIMEZONE}",
}
_LOGS = {
    "PROG": r"[\x21-\x5a\x5c\x5e-\x7e]+",
    "SYSLOGPROG": r"%{PROG:program}(?:\[%{POSINT:pid}\])?",
    "SYSLOGHOST": r"%{IPORHOST}",
    "SYSLOGFACILITY": r"<%{NONNEGINT:facility}.%{NONNEGINT:priority}>",
    "SYSLOGBASE": r"%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:",
    "MESSAGESLOG": r"%{SYSLOGBASE} %{DATA}",
    "HTTPDUSER": r"(?:%{EMAILADDRESS}|%{USER})",
    "COMMONAPACHELOG": r'%{IPORHOST:clientip} %{HTTPDUSER:ident} %{NOTSPACE:auth} \[%{HTTPDATE:timestamp}\] '
                       r'"(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion:string})?|%{DATA:rawrequest})" '
                       r"%{NUMBER:response} (?:%{NUMBER:bytes}|-)",
    "COMBINEDAPACHELOG": r"%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}",
    "RUBY_LOGLEVEL": r"(?:DEBUG|FATAL|ERROR|WARN|INFO|UNKNOWN|ANY)",
    "RUBY_LOGGER": r"[DFEWIUA], \[%{TIMESTAMP_ISO8601:timestamp} #%{POSINT:pid}\] *%{RUBY_LOGLEVEL:loglevel} -- +"
                   r"%{DATA:progname}: %{GREEDYDATA:message}",
    "REDISTIMESTAMP": r"%{MONTHDAY} %{MONTH} (?:%{YEAR} )?%{TIME}",
    "REDISLOG": r"%{POSINT:pid}:(?P<role>[XCSM]) %{REDISTIMESTAMP:timestamp} (?P<level>[.*#-]) %{GREEDYDATA:message}",
    "REDISMONLOG": r'%{NUMBER:timestamp} \[%{INT:database} %{IP:client}:%{POSINT:port}\] "%{WORD:command}"\s?'
                   r"%{GREEDYDATA:params}",
}  # fmt: skip
PATTERNS = {**_NUMBERS, **_WORDS, **_NETWORK, **_TIMES, **_LOGS}


@dataclass(frozen=True, kw_only=True)
class LogFormat:
    """A log format that is known without being asked for: every line matches its pattern from end to end."""

    classification: str
    pattern: str


_ELB_REQUEST = r'"(?:%{WORD:request_verb}|-) (?:%{NOTSPACE:request_url}|-) (?:%{NOTSPACE:request_proto}|-) ?"'
_BACKEND = r"(?:%{IP:target_ip}:%{INT:target_port:int}|-)"
_TIMINGS = (r"%{NUMBER:request_processing_time:double} %{NUMBER:target_processing_time:double} "
            r"%{NUMBER:response_processing_time:double}")  # fmt: skip

LOG_FORMATS = (
    LogFormat(classification="combined_apache", pattern="%{COMBINEDAPACHELOG}"),
    LogFormat(classification="apache", pattern="%{COMMONAPACHELOG}"),
    LogFormat(classification="apache_error", pattern=(
        r"\[(?:%{HTTPDERROR_DATE:timestamp}|%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR})\] "
        r"\[(?:%{WORD:module}:)?%{LOGLEVEL:loglevel}\] (?:\[pid %{POSINT:pid}(?::tid %{NUMBER:tid})?\] )?"
        r"(?:\[client %{IPORHOST:client}(?::%{POSINT:clientport})?\] )?%{GREEDYDATA:message}")),
    LogFormat(classification="alb", pattern=(
        r"(?P<type>https?|h2|grpcs|wss?) %{TIMESTAMP_ISO8601:time} %{NOTSPACE:elb} %{IP:client_ip}:"
        rf"%{{INT:client_port:int}} {_BACKEND} {_TIMINGS} (?:%{{INT:elb_status_code:int}}|-) "
        rf"(?:%{{INT:target_status_code:int}}|-) %{{INT:received_bytes:long}} %{{INT:sent_bytes:long}} {_ELB_REQUEST} "
        r'%{QS:user_agent} %{NOTSPACE:ssl_cipher} %{NOTSPACE:ssl_protocol} %{NOTSPACE:target_group_arn} %{QS:trace_id}'
        r'%{GREEDYDATA:more}')),
    LogFormat(classification="elb", pattern=(
        rf"%{{TIMESTAMP_ISO8601:time}} %{{NOTSPACE:elb}} %{{IP:client_ip}}:%{{INT:client_port:int}} {_BACKEND} {_TIMINGS} "
        r"(?:%{INT:elb_status_code:int}|-) (?:%{INT:target_status_code:int}|-) %{INT:received_bytes:long} "
        rf'%{{INT:sent_bytes:long}} {_ELB_REQUEST}(?: %{{QS:user_agent}} %{{NOTSPACE:ssl_cipher}} '
        r'%{NOTSPACE:ssl_protocol})?')),
    LogFormat(classification="vpcflow", pattern=(
        r"%{INT:version:int} %{NOTSPACE:account_id:string} %{NOTSPACE:interface_id} (?:%{IP:srcaddr}|-) (?:%{IP:dstaddr}|-) "
        r"(?:%{INT:srcport:int}|-) (?:%{INT:dstport:int}|-) (?:%{INT:protocol:int}|-) (?:%{INT:packets:long}|-) "
        r"(?:%{INT:bytes:long}|-) (?P<start>[0-9]+) (?P<end>[0-9]+) (?:(?P<action>ACCEPT|REJECT)|-) "
        r"(?P<log_status>OK|NODATA|SKIPDATA)")),
    LogFormat(classification="s3_access", pattern=(
        r"(?P<bucket_owner>[0-9a-f]{64}) %{NOTSPACE:bucket} \[%{HTTPDATE:request_time}\] (?:%{IP:remote_ip}|-) "
        r"%{NOTSPACE:requester} %{NOTSPACE:request_id} (?P<operation>[A-Z0-9._-]+) %{NOTSPACE:key} "
        r'(?:"%{DATA:request_uri}"|-) (?:%{INT:http_status:int}|-) %{NOTSPACE:error_code} (?:%{INT:bytes_sent:long}|-) '
        r"(?:%{INT:object_size:long}|-) (?:%{INT:total_time:long}|-) (?:%{INT:turn_around_time:long}|-) "
        r"(?:%{QS:referrer}|-) (?:%{QS:user_agent}|-) %{NOTSPACE:version_id}%{GREEDYDATA:more}")),
    LogFormat(classification="linux_kernel", pattern=(
        r"(?:%{SYSLOGTIMESTAMP:timestamp} %{SYSLOGHOST:host} kernel: )?\[ *%{BASE10NUM:uptime}\] %{GREEDYDATA:message}")),
    LogFormat(classification="syslog", pattern=(
        r"(?:<%{NONNEGINT:priority}>)?%{SYSLOGTIMESTAMP:timestamp} %{SYSLOGHOST:host} %{SYSLOGPROG}: %{GREEDYDATA:message}")),
    LogFormat(classification="syslog_5424", pattern=(
        r"<%{NONNEGINT:priority}>%{POSINT:version} (?:%{TIMESTAMP_ISO8601:timestamp}|-) %{NOTSPACE:host} "
        r"%{NOTSPACE:app_name} %{NOTSPACE:proc_id} %{NOTSPACE:msg_id} (?P<structured_data>-|(?:\[[^\]]*+\])+)"
        r"(?: %{GREEDYDATA:message})?")),
    LogFormat(classification="ruby_logger", pattern="%{RUBY_LOGGER}"),
    LogFormat(classification="squid", pattern=(
        r"%{NUMBER:timestamp} +%{INT:duration:int} %{IPORHOST:client} (?P<result>[A-Z_]+)/%{INT:status:int} "
        r"%{INT:bytes:long} %{WORD:method} %{NOTSPACE:url} %{NOTSPACE:user} (?P<hierarchy>[A-Z_]+)/%{NOTSPACE:peer} "
        r"%{NOTSPACE:content_type}")),
    LogFormat(classification="redislog", pattern="%{REDISLOG}"),
    LogFormat(classification="redismonlog", pattern="%{REDISMONLOG}"),
    LogFormat(classification="nginx_error", pattern=(
        r"(?P<timestamp>[0-9]{4}/[0-9]{2}/[0-9]{2} %{TIME}) \[%{LOGLEVEL:loglevel}\] %{POSINT:pid}#%{NUMBER:tid}: "
        r"%{GREEDYDATA:message}")),
)  # fmt: skip
"""The order matters where one format is a case of another: the narrower first."""
