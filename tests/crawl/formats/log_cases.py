"""Logs. Lines in the form that each program's own manual shows; addresses are documentation addresses."""

from __future__ import annotations

from tests.crawl.formats.case import Case


def _log(name: str, lines: str, columns: dict[str, str], records: int, **more: object) -> Case:
    return Case(
        name=name, content=lines.encode(), classification=name, columns=columns, records=records, **more
    )  # type: ignore[arg-type]


def _strings(names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), "string")


_APACHE = {**_strings("clientip ident auth timestamp verb request httpversion"), "rawrequest": "void", "response": "bigint",
           "bytes": "bigint"}  # fmt: skip
_COMMON = '192.0.2.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326'
_TIMINGS = {
    "request_processing_time": "double",
    "target_processing_time": "double",
    "response_processing_time": "double",
}
_BALANCER = {"client_ip": "string", "client_port": "int", "target_ip": "string", "target_port": "int", **_TIMINGS,
             "elb_status_code": "int", "target_status_code": "int", "received_bytes": "bigint", "sent_bytes": "bigint",
             **_strings("request_verb request_url request_proto")}  # fmt: skip
_OWNER = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"

CASES = [
    _log("apache", _COMMON + "\n" + _COMMON.replace("2326", "-") + "\n", _APACHE, 2),
    _log("combined_apache", _COMMON + ' "http://a.example/" "Mozilla/5.0 (X11, like Gecko)"\n',
         {**_APACHE, **_strings("referrer agent")}, 1),
    _log("apache_error", "[Wed Oct 11 14:32:52 2000] [error] [client 192.0.2.1] client denied by server configuration\n",
         {"timestamp": "string", "module": "void", "loglevel": "string", "pid": "void", "tid": "void", "client": "string",
          "clientport": "void", "message": "string"}, 1),
    _log("alb", "http 2018-07-02T22:23:00.186641Z app/my-lb/50dc6c495c0c9188 192.0.2.131:2817 10.0.0.1:80 0.000 0.001 0.000 "
         '200 200 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - '
         'arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 '
         '"Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-"\n',
         {"type": "string", "time": "timestamp", "elb": "string", **_BALANCER,
          **_strings("user_agent ssl_cipher ssl_protocol target_group_arn trace_id more")}, 1),
    _log("elb", "2015-05-13T23:39:43.945958Z my-lb 192.0.2.131:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "
         '"GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -\n',
         {"time": "timestamp", "elb": "string", **_BALANCER, **_strings("user_agent ssl_cipher ssl_protocol")}, 1),
    _log("vpcflow", "2 012345678901 eni-1235b8ca 192.0.2.139 192.0.2.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
         "2 012345678901 eni-1235b8ca - - - - - - - 1431280876 1431280934 - NODATA\n",
         {"version": "int", **_strings("account_id interface_id srcaddr dstaddr"), "srcport": "int", "dstport": "int",
          "protocol": "int", "packets": "bigint", "bytes": "bigint", "start": "bigint", "end": "bigint",
          **_strings("action log_status")}, 2),
    Case(name="flow log with a header of its own", classification="vpcflow", records=2, parameters={"delimiter": " "},
         columns={"version": "bigint", "srcaddr": "string", "action": "string"},
         content=b"version srcaddr action\n3 192.0.2.1 ACCEPT\n3 - REJECT\n"),
    _log("s3_access", f"{_OWNER} amzn-bucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 {_OWNER} 3E57427F3EXAMPLE "
         'REST.GET.VERSIONING - "GET /amzn-bucket?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - '
         "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4\n",
         {**_strings("bucket_owner bucket request_time remote_ip requester request_id operation key request_uri"),
          "http_status": "int", "error_code": "string", "bytes_sent": "bigint", "object_size": "bigint",
          "total_time": "bigint", "turn_around_time": "bigint", **_strings("referrer user_agent version_id more")}, 1),
    _log("cloudfront", "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip\n"
         "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\n2019-12-04\t21:02:32\tLAX1\t-\t192.0.2.100\n",
         {"date": "date", "time": "string", "x-edge-location": "string", "sc-bytes": "bigint", "c-ip": "string"}, 2,
         parameters={"delimiter": "\t", "skip.header.line.count": "2"}),
    _log("microsoft_log", "#Software: IIS\n#Version: 1.0\n#Date: 2002-05-02 17:42:15\n"
         "#Fields: date time c-ip cs-method sc-status\n"
         "2002-05-02 17:42:15 192.0.2.1 GET 200\n",
         {"date": "date", "time": "string", "c-ip": "string", "cs-method": "string", "sc-status": "bigint"}, 1,
         parameters={"delimiter": " ", "skip.header.line.count": "4"}),
    _log("syslog", "Jan  1 00:00:01 web1 sshd[123]: Accepted publickey for bob\nJan 11 10:00:01 web1 cron: done\n",
         {"priority": "void", **_strings("timestamp host program"), "pid": "bigint", "message": "string"}, 2),
    _log("syslog_5424", "<34>1 2003-10-11T22:14:15.003Z a.example su - ID47 - 'su root' failed\n"
         '<165>1 2003-10-11T22:14:15.003Z a.example evntslog - ID47 [ex@32473 iut="3"] An event\n',
         {"priority": "bigint", "version": "bigint", "timestamp": "timestamp",
          **_strings("host app_name proc_id msg_id structured_data message")}, 2),
    _log("linux_kernel", "[    0.000000] Linux version 6.1\n[   12.345678] usb 1-1: new device\n",
         {"timestamp": "void", "host": "void", "uptime": "double", "message": "string"}, 2),
    _log("ruby_logger", "I, [2024-01-02T03:04:05.123456 #1234]  INFO -- main: started\n",
         {"timestamp": "timestamp", "pid": "bigint", **_strings("loglevel progname message")}, 1),
    _log("squid", "1286536308.779    180 192.0.2.224 TCP_MISS/200 411 GET http://a.example/ - DIRECT/192.0.2.4 text/html\n",
         {"timestamp": "double", "duration": "int", "client": "string", "result": "string", "status": "int",
          "bytes": "bigint", **_strings("method url user hierarchy peer content_type")}, 1),
    _log("redislog", "4018:M 14 Nov 2024 07:01:22.119 * Background saving terminated with success\n",
         {"pid": "bigint", **_strings("role timestamp level message")}, 1),
    _log("redismonlog", '1339518083.107412 [0 192.0.2.1:60866] "keys" "*"\n',
         {"timestamp": "double", "database": "bigint", "client": "string", "port": "bigint", **_strings("command params")}, 1),
    _log("nginx_error", "2024/01/02 03:04:05 [error] 31#31: *1 open() failed (2: No such file)\n",
         {"timestamp": "string", "loglevel": "string", "pid": "bigint", "tid": "bigint", "message": "string"}, 1),
    _log("apache", (_COMMON + "\n") * 9 + "garbage\n", _APACHE | {"bytes": "bigint"}, 9, certain=False,
         says=("1 lines do not match, the first is line 10",)),
]  # fmt: skip
