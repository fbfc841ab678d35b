"""What the public names of grok patterns stand for, in our own words.

They are written for an engine of linear time: no look-around, and sets rather than
alternatives where both tell the same texts apart.
"""

_IPV4 = r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"
_IPV6 = r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z]+)?"

PATTERNS = {
    # words
    "USERNAME": r"[0-9A-Za-z._-]+",
    "USER": r"%{USERNAME}",
    "EMAILLOCALPART": r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]+",
    "EMAILADDRESS": r"%{EMAILLOCALPART}@%{HOSTNAME}",
    "WORD": r"\w+",
    "NOTSPACE": r"\S+",
    "SPACE": r"\s*",
    "DATA": r".*?",
    "GREEDYDATA": r".*",
    "QUOTEDSTRING": r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`",
    "QS": r"%{QUOTEDSTRING}",
    "QUOTED": r"[^\"\\]*(?:\\.[^\"\\]*)*",
    "UUID": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    "URN": r"urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:[0-9A-Za-z()+,.:=@;$_!*'/?#%-]+",
    # numbers
    "INT": r"[+-]?[0-9]+",
    "BASE10NUM": r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)",
    "NUMBER": r"%{BASE10NUM}",
    "BASE16NUM": r"[+-]?(?:0x)?[0-9A-Fa-f]+",
    "BASE16FLOAT": r"[+-]?(?:0x)?(?:[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]*)?|\.[0-9A-Fa-f]+)",
    "POSINT": r"[1-9][0-9]*",
    "NONNEGINT": r"[0-9]+",
    # networks
    "CISCOMAC": r"(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}",
    "WINDOWSMAC": r"(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}",
    "COMMONMAC": r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}",
    "MAC": r"%{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC}",
    "IPV4": _IPV4,
    "IPV6": _IPV6,
    "IP": rf"{_IPV4}|{_IPV6}",
    "HOSTNAME": r"[0-9A-Za-z][0-9A-Za-z_-]*(?:\.[0-9A-Za-z][0-9A-Za-z_-]*)*\.?",
    "IPORHOST": r"[0-9A-Za-z:][0-9A-Za-z_.:%-]*",
    "HOST": r"%{HOSTNAME}",
    "HOSTPORT": r"%{IPORHOST}:%{POSINT}",
    # paths and addresses
    "UNIXPATH": r"(?:/[^/\s]*)+",
    "WINPATH": r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+",
    "PATH": r"%{UNIXPATH}|%{WINPATH}",
    "TTY": r"/dev/(?:pts|tty[pq]?)[0-9A-Za-z/]*",
    "URIPROTO": r"[A-Za-z][0-9A-Za-z+.-]*",
    "URIHOST": r"%{IPORHOST}(?::%{POSINT})?",
    "URIPATH": r"(?:/[0-9A-Za-z$.+!*'(){},~:;=@#%&_-]*)+",
    "URIPARAM": r"\?[0-9A-Za-z$.+!*'|(){},~@#%&/=:;_?\[\]<>-]*",
    "URIQUERY": r"[0-9A-Za-z$.+!*'|(){},~@#%&/=:;_?\[\]<>-]*",
    "URIPATHPARAM": r"%{URIPATH}(?:%{URIPARAM})?",
    "URI": r"%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?",
    # dates and times
    "MONTH": r"[A-Z][a-z]{2,8}",
    "MONTHNUM": r"0?[1-9]|1[0-2]",
    "MONTHNUM2": r"0[1-9]|1[0-2]",
    "MONTHDAY": r"0[1-9]|[12][0-9]|3[01]|[1-9]",
    "DAY": r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*",
    "YEAR": r"[0-9]{4}|[0-9]{2}",
    "HOUR": r"2[0-3]|[01]?[0-9]",
    "MINUTE": r"[0-5][0-9]",
    "SECOND": r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?",
    "TIME": r"%{HOUR}:%{MINUTE}(?::%{SECOND})",
    "DATE_US": r"%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}",
    "DATE_EU": r"%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}",
    "DATE": r"%{DATE_US}|%{DATE_EU}",
    "ISO8601_TIMEZONE": r"Z|[+-]%{HOUR}(?::?%{MINUTE})",
    "ISO8601_SECOND": r"%{SECOND}",
    "TIMESTAMP_ISO8601": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?"
        r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
    ),
    "DATESTAMP": r"%{DATE}[- ]%{TIME}",
    "TZ": r"[A-Z]{3,4}",
    "DATESTAMP_RFC822": r"%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}",
    "DATESTAMP_RFC2822": r"%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}",
    "DATESTAMP_OTHER": r"%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}",
    "DATESTAMP_EVENTLOG": r"[0-9]{14}",
    "HTTPDATE": r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}",
    "HTTPDERROR_DATE": r"%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}",
    # syslog
    "SYSLOGTIMESTAMP": r"[A-Z][a-z]{2} +[0-9]{1,2} [0-9]{2}:[0-9]{2}:[0-9]{2}",
    "PROG": r"[!-Z\\^-~]+",
    "SYSLOGPROG": r"%{PROG:program}(?:\[%{POSINT:pid}\])?",
    "SYSLOGHOST": r"%{IPORHOST}",
    "SYSLOGFACILITY": r"<%{NONNEGINT:facility}\.%{NONNEGINT:priority}>",
    "SYSLOG5424SD": r"\[[^\]]*\]+",
    "SYSLOGBASE": (
        r"%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} "
        r"%{SYSLOGPROG}:"
    ),
    "SYSLOGLINE": r"%{SYSLOGBASE} %{GREEDYDATA:message}",
    "LOGLEVEL": (
        r"(?i:alert|trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?"
        r"|crit(?:ical)?|fatal|severe|emerg(?:ency)?)"
    ),
    # web servers
    "HTTPDUSER": r"[^ ]+",
    "COMMONAPACHELOG": (
        r"%{IPORHOST:clientip} %{HTTPDUSER:ident} %{HTTPDUSER:auth} "
        r"\[%{HTTPDATE:timestamp}\] \"(?:%{WORD:verb} %{NOTSPACE:request}"
        r"(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})\" "
        r"(?:%{NUMBER:response:int}|-) (?:%{NUMBER:bytes:bytes}|-)"
    ),
    "HTTPD_COMMONLOG": r"%{COMMONAPACHELOG}",
    "COMBINEDAPACHELOG": r"%{COMMONAPACHELOG} \"%{QUOTED:referrer}\" \"%{QUOTED:agent}\"",
    "HTTPD_COMBINEDLOG": r"%{COMBINEDAPACHELOG}",
    # Java
    "JAVACLASS": r"(?:[A-Za-z$][0-9A-Za-z_$]*\.)*[A-Za-z$][0-9A-Za-z_$]*",
    "JAVAFILE": r"[0-9A-Za-z_. -]+",
    "JAVAMETHOD": r"<(?:cl)?init>|[A-Za-z$_][0-9A-Za-z$_]*",
    "JAVATHREAD": r"[A-Z]{2}-Processor[0-9]+",
}
"""Name to the regular expression, which may use other names."""

QUICK = {
    "COMMONAPACHELOG": (
        r"%{IPORHOST:clientip} %{HTTPDUSER:ident} %{HTTPDUSER:auth} "
        r"\[%{HTTPDATE:timestamp}\] \"(?P<verb>[A-Za-z]+) (?P<request>[^ \"]+) "
        r"HTTP/(?P<httpversion>[0-9]\.[0-9])\" "
        r"(?P<response>[0-9]+) (?P<bytes>[0-9]+|-)"
    ),
}
"""Stricter forms: where one matches, its name does, with the same fields."""

TIMES = {
    "HTTPDATE": "clf",
    "TIMESTAMP_ISO8601": "iso",
    "SYSLOGTIMESTAMP": "%b %e %H:%M:%S",
    "HTTPDERROR_DATE": "%a %b %d %H:%M:%S%.f %Y",
    "DATESTAMP_RFC2822": "%a, %d %b %Y %H:%M:%S %z",
    "DATESTAMP_EVENTLOG": "%Y%m%d%H%M%S",
}
"""Names that are times, and how these are written."""
