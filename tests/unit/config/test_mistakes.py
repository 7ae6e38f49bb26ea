"""Every mistake in a configuration, with its place."""

import sys
from pathlib import Path

import pytest

from gatepost.config.effective_values import problems_document
from gatepost.config.load import load_config, parse_config, read_config
from gatepost.config.problems import ConfigProblems
from tests.certificates import make_authority
from tests.unit.config.small import SMALL, TENANT, mistakes


def test_clear_text_for_others_has_to_be_said() -> None:
    text = f"{SMALL}[[listener]]\naddress = '0.0.0.0:25'\ntls = 'none'\nallow_clear_text = true\n"
    assert parse_config(text).listeners[1].allow_clear_text


@pytest.mark.parametrize("kind", ["managed-identity", "workload-identity"])
def test_an_identity_of_azure_needs_its_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    target = 'kind = "graph"\ncredential = "machine"'
    machine = f'[credentials.machine]\nkind = "{kind}"\n'
    text = SMALL.replace('kind = "capture"', target) + machine
    file = tmp_path / "g.toml"
    file.write_text(text)
    load_config(file)
    monkeypatch.setitem(sys.modules, "azure.identity", None)  # as if it were not installed
    with pytest.raises(ConfigProblems, match="needs azure-identity: pip install") as caught:
        load_config(file)
    assert str(caught.value.problems[0]).startswith(f"{file}:10: a {kind} needs")


# Each is added to SMALL, which has 7 lines.
MISTAKES = [
    ("[[lisener]]", "g.toml:8: unknown key lisener (did you mean listener?)"),
    ("[limits]\nidel = 5", "g.toml:9: unknown key limits.idel (did you mean idle?)"),
    ("[target.t]\nkind = 'smarthost'\nservers = ['h']\npassword = 'hunter2'",
     "g.toml:11: target.t.password must be in a table [credentials.NAME]"),
    ("[limits]\nidle = true", 'g.toml:9: limits.idle must be a time such as "30s"'),
    ("[limits]\nidle = 0", "g.toml:9: limits.idle must be a time longer than zero"),
    ("[limits]\nrecipients = 0", "g.toml:9: limits.recipients must be a whole number from 1 to"),
    ("[limits]\nmessage_size = '5 MB B'", 'g.toml:9: limits.message_size must be a size'),
    ("limits = 5", "g.toml:8: unknown key route[0].limits"),
    ("[directory]\nkind = 'azur'", (
        'g.toml:9: directory.kind must be "accounts", "azure" or "entra", '
        "not 'azur' (did you mean azure?)")),
    ("[directory]\nkind = 'azure'\nprofile = 'akz'", "g.toml:10: directory.profile must be"),
    ("[directory]\nkind = 'entra'\nsenders = '*'", "g.toml:8: directory.tenants is missing"),
    ("[directory]\nkind = 'entra'\ntenants = 'contoso'",
     "g.toml:10: directory.tenants must be an id"),
    ("[directory]\nkind = ['azure', 'azure']",
     "g.toml:9: directory.kind must name at least one directory"),
    ("[directory]\nkind = []", "g.toml:9: directory.kind must name at least one directory"),
    (("[[listener]]\nunix = '/s'\nmechanisms = ['SCRAM-SHA-1']\n[directory]\n"
      f"kind = 'entra'\ntenants = '{TENANT}'"),
     "g.toml:10: the directory cannot verify SCRAM-SHA-1"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['XOAUTH2']",
     "g.toml:10: the directory cannot verify XOAUTH2"),
    ("[[directory.account]]\nname = 'a'\npassword = 'hunter2'",
     "g.toml:10: directory.account[0].password is a secret, which must not be"),
    ("[[directory.account]]\nname = 'a'\npassword = { path = 'x' }",
     'g.toml:10: directory.account[0].password must be { file = "PATH" }'),
    ("[[listener]]\naddress = '0.0.0.0:587'", "g.toml:8: listener[1].certificate is missing"),
    ("[[listener]]\naddress = '0.0.0.0:25'\ntls = 'none'",
     'g.toml:10: listener[1].tls: "none" is for this machine only'),
    ("[[listener]]\naddress = 'example.org:25'\ntls = 'none'",
     "g.toml:9: listener[1].address must be an address and a port"),
    ("[[listener]]\naddress = '127.0.0.1:2525'\ntls = 'none'",
     "g.toml:9: the listener listener-1 already has that address"),
    ("[[listener]]\ntls = 'none'",
     "g.toml:8: a listener needs either an address or a unix socket"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['PLAIN', 'LOGN', 'XOAUTH']",
     ("g.toml:10: listener[1].mechanisms names an unknown mechanism 'XOAUTH' "
      "(did you mean XOAUTH2?)")),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['XOAUTH2']\n[directory]\nkind = 'azure'",
     "g.toml:10: the directory cannot verify XOAUTH2"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['SCRAM-SHA-1-PLUS']",
     "g.toml:10: SCRAM-SHA-1-PLUS requires TLS, but tls is none"),
    (("[[listener]]\nunix = '/s'\n[[listener.network]]\nfrom = ['10.0.0.0/8', '::/0']\n"
      "[[listener.network]]\nfrom = ['10.1.0.0/16', '::1']\nrefuse = true"),
     "g.toml:13: listener[1].network[1].from: an earlier rule already covers all of these"),
    ("[target.x]\nkind = 'smarthost'\nservers = 'x.example'\ntls = 'starttls'",
     ('g.toml:11: target.x.tls must be "required", which always uses STARTTLS '
      '(did you mean required?)')),
    ("[credentials.x]\nkind = 'entra'\ntenant = 'a b'",
     "g.toml:10: credentials.x.tenant must be a tenant's id or one of its domains"),
    ("[[listener]]\naddress = '127.0.0.1:2'\ncertificate = 'c'\nmechanisms = ['EXTERNAL']",
     "g.toml:11: EXTERNAL requires client certificates; listener[1].client_authorities is missing"),
    ("[[listener]]\nunix = '/s'\nclient_authorities = 'c'",
     "g.toml:10: listener[1].client_authorities is not used: tls is none"),
    (("[[directory.account]]\nname = 'a'\npassword = { environment = 'P' }\n"
     "certificates = ['sha256:12']"),
     'g.toml:11: directory.account[0].certificates must be a digest: "sha256:" and 64'),
    ("[api]\naddress = '127.0.0.1:0'\ncertificate = 'c'",
     'g.toml:8: [api] manages the directory of kind "azure", but there is none'),
    ("[[listener]]\nunix = '/s'\nproxies = []",
     "g.toml:10: listener[1].proxies is an empty list"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['LOGN', 'x']",
     "g.toml:10: listener[1].mechanisms names an unknown mechanism 'LOGN' (did you mean LOGIN?)"),
    ("[[listener]]\nunix = '/s'\nmechanisms = ['CRAM-MD5']\n[directory]\nkind = 'azure'",
     "g.toml:10: the directory cannot verify CRAM-MD5"),
    ("[[listener]]\nunix = '/s'\n[[listener.network]]\nfrom = '0.0.0.0/0'\nmay_relay = true",
     "g.toml:12: listener[1].network[0].may_relay: this makes an open relay"),
    (("[[listener]]\naddress = '*:25'\ncertificate = 'c'\nproxies = ['0.0.0.0/1', '128.0.0.0/1']\n"
      "[[listener.network]]\nfrom = '10.0.0.0/8'\nmay_relay = true"),
     "g.toml:11: listener[1].proxies: anybody could claim to be in a network that may relay"),
    ("[[listener]]\nunix = '/s'\n[[listener.network]]\nfrom = '10.0.0.1/8'",
     "g.toml:11: listener[1].network[0].from must be a network"),
    ("[[route]]\nto = 'here'", "g.toml:8: this route is never used: default takes"),
    ("[[route]]\nname = 'b'\nto = 'here'", "g.toml:8: the route b is never used: default takes"),
    ("[[route]]\nrecipients = 'a b'\nto = 'here'",
     "g.toml:8: this route is never used: default takes"),
    (("[target.x]\nkind = 'smarthost'\nservers = 'a'\ncredential = 'asc'\n[credentials.acs]\n"
     "kind = 'access-key'\nkey = { environment = 'K' }"),
     "g.toml:11: target.x.credential: there is no [credentials.asc] (did you mean acs?)"),
    ("[target.x]\nkind = 'smarthost'", "g.toml:8: target.x.servers is missing"),
    ("[target.x]\nkind = 'smarthost'\nservers = ['a:25', 'localhost:2525']",
     "g.toml:10: target.x.servers: localhost:2525 is this relay's own listener listener-1"),
    ("[target.x]\nkind = 'smart-host'", "g.toml:9: target.x.kind must be"),
    ("[target.x]\nkind = 'smarthost'\nservers = 'a:b'", "g.toml:10: target.x.servers must be HOST"),
    ("[target.x]\nkind = 'mx'\nrate = 'fast'", 'g.toml:10: target.x.rate must be a rate such as'),
    (("[target.x]\nkind = 'smarthost'\nservers = 'a'\ntls = 'none'\ncredential = 'c'\n"
     "[credentials.c]\nkind = 'password'\nusername = 'u'\npassword = { environment = 'P' }"),
     "g.toml:11: target.x.tls: secrets are sent only over TLS"),
    (("[target.x]\nkind = 'smarthost'\nservers = 'a'\nverify = false\ncredential = 'c'\n"
     "[credentials.c]\nkind = 'password'\nusername = 'u'\npassword = { environment = 'P' }"),
     "g.toml:11: target.x.verify: secrets are sent only to a server with a verified certificate"),
    (("[target.x]\nkind = 'graph'\ncredential = 'c'\n[credentials.c]\nkind = 'password'\n"
     "username = 'u'\npassword = { environment = 'P' }"),
     "g.toml:10: target.x.credential: Microsoft Graph needs tokens"),
    (("[target.x]\nkind = 'acs-rest'\nendpoint = 'http://x.example'\ncredential = 'c'\n"
     "[credentials.c]\nkind = 'access-key'\nkey = { environment = 'P' }"),
     "g.toml:10: target.x.endpoint must be an https:// URL"),
    ("[credentials.c]\nkind = 'entra'\ntenant = 't'\nclient_id = 'c'",
     "g.toml:8: credentials.c.secret or certificate: one of the two is required"),
    ("[credentials.c]\nkind = 'password'\nusername = 'u'", "g.toml:8: credentials.c.password is"),
    ("[credentials.c]\nkind = 'client-certificate'",
     "g.toml:8: credentials.c.certificate is missing"),
    (("[target.x]\nkind = 'graph'\ncredential = 'c'\n[credentials.c]\n"
     "kind = 'client-certificate'\ncertificate = 'c.pem'"),
     "g.toml:10: target.x.credential: Microsoft Graph needs tokens"),
    ("[credentials]\nc = 'x'", "g.toml:9: credentials.c is a table: [credentials.c]"),
    ("[retry.x]\ntable = ['1m']\nfirst = '1m'",
     "g.toml:10: retry.x.first has no effect together with retry.x.table"),
    ("[retry.x]\nfactor = 0.5", "g.toml:9: retry.x.factor must be a number from 1 to 10"),
    ("[[listener]]\nunix = '/s'\n[[listener.network]]\nfrom = 'unix'\nmechanisms = 'XOAUTH2'",
     "g.toml:12: the directory cannot verify XOAUTH2"),
    (("[[listener]]\nunix = '/s'\n[[listener.network]]\nmay_relay = true\n"
      "from = ['0.0.0.0/1', '128.0.0.0/1']"),
     "g.toml:11: listener[1].network[0].may_relay: this makes an open relay"),
    ("[target.x]\nkind = 'smarthost'\nservers = ['a', 'b', 'A:587']",
     "g.toml:10: target.x.servers names a:587 twice"),
    ("[target.x]\nkind = 'smarthost'\nservers = 'a'\nmechanisms = 'PLAIN'",
     "g.toml:11: target.x.mechanisms has no effect without a credential"),
    ("[[route]]\nrecipients = 'a.b'\nto = ['here', 'here']",
     "g.toml:10: route[1].to names here twice"),
    ("[retry.x]\nfirst = '2h'", "g.toml:9: retry.x.longest is shorter than retry.x.first"),
    ("[limits]\nmessage_size = 0", "g.toml:9: limits.message_size must be a size greater"),
    ("[limits]\nrecip = 1",
     "g.toml:9: unknown key limits.recip (did you mean recipients?)"),
    (("[credentials.x]\nkind = 'access-key'\nkey = { env = 'X' }"),
     ('g.toml:10: credentials.x.key must be { file = "PATH" }, { systemd = "NAME" } or '
      '{ environment = "VARIABLE" } (did you mean environment?)')),
    ("[credentials.x]\nkind = 'entra'\ntenant = 't'\nclient_id = 'c'\nclient_secret = 's'",
     "g.toml:12: unknown key credentials.x.client_secret (did you mean secret?)"),
    ("[dns]\nnameservers = ['ns.example']", "g.toml:9: dns.nameservers must be an address"),
    ("[storage]\nhistory = '7 years'", "g.toml:9: storage.history must be a time"),
    ('[storage]\ndirectory = "a\\u0000"', "g.toml:9: storage.directory must be a path"),
    ("[storage]\nkind = 'mysql'", 'g.toml:9: storage.kind must be "sqlite" or "postgres"'),
    ("[storage]\nkind = 'postgres'", "g.toml:8: storage.url is missing"),
    ("[storage]\nkind = 'postgres'\nurl = 'postgresql://u:p@h/d'",
     "g.toml:10: storage.url is a secret, which must not be in the configuration"),
    ("[storage]\nkind = 'postgres'\nurl = { file = 'u' }\nschema = 'a-b'",
     "g.toml:11: storage.schema must be a name of small letters"),
    ("[storage]\nurl = { file = 'u' }", 'g.toml:9: storage.url needs kind = "postgres"'),
    ("[cluster]\nnode = 'a'", 'g.toml:8: [cluster] needs storage.kind = "postgres"'),
    ("[storage]\nkind = 'postgres'\nurl = { file = 'u' }\n[cluster]\nnode = 'a b'",
     "g.toml:12: cluster.node must be a name of at most 63 letters"),
    ("[storage]\nkind = 'postgres'\nurl = { file = 'u' }\n[cluster]\nbeat = '6s'",
     "g.toml:11: cluster.dead_after must be at least 3 beats"),
    ("[storage]\nkind = 'postgres'\nurl = { file = 'u' }\n[cluster]\nbeat = '0.1s'",
     "g.toml:12: cluster.beat must be between one second and ten minutes"),
    (("[credentials.x]\nkind = 'access-key'\nkey = { file = \"\\u0000\" }"),
     "g.toml:10: credentials.x.key must be { file ="),
    ("[directory]\nkind = 'azure'\nprofile = 'mine.toml'", "g.toml:10: directory.profile must be"),
    (f"[directory]\nkind = 'entra'\ntenants = '{TENANT}'\napplications = []",
     "g.toml:11: directory.applications is an empty list"),
    ("[[route]]\nrecipients = '*@example.com'\nto = 'here'",
     ('g.toml:9: route[1].recipients must be a domain, "*.domain", a mailbox or "*", not '
     "'*@example.com' (did you mean example.com?)")),
    ("[[route]]\nrecipients = '.example.com'\nto = 'here'",
     ('g.toml:9: route[1].recipients must be a domain, "*.domain", a mailbox or "*", not '
     "'.example.com' (did you mean *.example.com?)")),
    ("[[directory.account]]\nname = 'a'\nsenders = ['news+*@example.com']",
     'g.toml:10: directory.account[0].senders must be a mailbox, "@domain" or "*", not '),
    ("[target.g]\nkind = 'graph'\ncredential = 'c'\nmailbox = 'alerts'",
     "g.toml:11: target.g.mailbox must be a mailbox or a user's id"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "said"), MISTAKES)
def test_a_mistake_is_reported_with_its_place(lines: str, said: str) -> None:
    assert any(each.startswith(said) for each in mistakes(SMALL + lines + "\n")), mistakes(
        SMALL + lines + "\n"
    )


def test_a_socket_s_path_that_is_too_long_is_the_only_mistake() -> None:
    told = mistakes(f"{SMALL}[[listener]]\nunix = '/{'s' * 120}'\n")
    assert told == ["g.toml:9: listener[1].unix must be a path of at most 107 octets"]


def test_a_secret_in_the_file_is_not_repeated() -> None:
    text = f"{SMALL}[[directory.account]]\nname = 'a'\npassword = 'hunter2'\n"
    assert "hunter2" not in "".join(mistakes(text))


def test_all_mistakes_are_reported_at_once_in_order() -> None:
    text = """\
hostnam = "x"
[[listener]]
address = "127.0.0.1"
[[route]]
name = "a b"
to = ["nowhere"]
retry = "slow"
senders = ["x y"]
"""
    assert mistakes(text) == [
        "g.toml:1: unknown key hostnam (did you mean hostname?)",
        "g.toml:2: listener[0].certificate is missing: TLS needs it",
        (
            'g.toml:3: listener[0].address must be an address and a port, such as "127.0.0.1:587" '
            'or "[::]:465"'
        ),
        "g.toml:5: route[0].name must be a name of letters, digits, dots, dashes and underscores",
        "g.toml:6: route[0].to: there is no [target.nowhere]",
        "g.toml:7: route[0].retry: there is no [retry.slow]",
        'g.toml:8: route[0].senders must be a domain, "*.domain", a mailbox or "*", not \'x y\'',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = \n", "g.toml:1: a is not valid TOML: Invalid value"),
        ("a = 1\nb = [\n", "g.toml:3: invalid TOML:"),
        ("a = 1\na = 2", "g.toml:2: a is defined a second time here"),
        ("a = " + "[" * 5000 + "]" * 5000, "g.toml: invalid TOML: "),
        ("a = " + "9" * 5000, "g.toml: invalid TOML: "),
        ("", "g.toml: there is no [[listener]]: nobody could submit mail"),
        (
            SMALL.partition("[[route]]")[0],
            "g.toml: there is no [[route]]: mail could not be delivered",
        ),
    ],
)
def test_invalid_configurations(text: str, said: str) -> None:
    assert any(each.startswith(said) for each in mistakes(text))


def test_a_target_with_a_mistake_is_no_second_one() -> None:
    text = SMALL.replace('kind = "capture"', 'kind = "captur"')
    assert len(mistakes(text)) == 1


def test_the_files_that_it_names_are_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "g.toml"
    path.write_text(
        "ca_file = '/nowhere/ca.pem'\n"
        + SMALL
        + '[[listener]]\naddress = "127.0.0.1:0"\ncertificate = "/nowhere/cert.pem"\n'
        + '[[directory.account]]\nname = "a"\npassword = { environment = "APP" }\n'
        + 'senders = "*"\n'
        + '[credentials.x]\nkind = "access-key"\nkey = { systemd = "key" }\n'
        + '[credentials.y]\nkind = "client-certificate"\ncertificate = "/nowhere/own.pem"\n'
    )
    with pytest.raises(ConfigProblems) as caught:
        load_config(path, {})
    assert [str(each) for each in caught.value.problems] == [
        f"{path}:1: the file /nowhere/ca.pem cannot be read: No such file or directory",
        f"{path}:11: the file /nowhere/cert.pem cannot be read: No such file or directory",
        f"{path}:14: the environment variable APP is not set",
        (
            f"{path}:18: the systemd credential key cannot be read: $CREDENTIALS_DIRECTORY is "
            "not set (of a running service it is /run/credentials/NAME.service)"
        ),
        f"{path}:21: the file /nowhere/own.pem cannot be read: No such file or directory",
    ]
    environment = {"APP": "x", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "key").write_text("aw==")
    path.write_text(path.read_text().replace("/nowhere/", f"{tmp_path}/"))
    for each in ("cert.pem", "own.pem", "ca.pem"):
        (tmp_path / each).write_text("k")
    with pytest.raises(ConfigProblems) as caught:
        load_config(path, environment)
    assert [str(each) for each in caught.value.problems] == [
        f"{path}:1: CA file {tmp_path / 'ca.pem'}: it contains no PEM certificate",
    ] + [
        f"{path}:{line}: certificate {tmp_path / each}: it contains no PEM certificate"
        for line, each in ((11, "cert.pem"), (21, "own.pem"))
    ]
    pair = make_authority(tmp_path).issue("localhost")
    for each in ("cert.pem", "own.pem", "ca.pem"):
        (tmp_path / each).write_text(
            Path(pair.certificate).read_text() + Path(pair.key).read_text()
        )
    assert [str(each) for each in load_config(path, environment).warnings] == [
        f"{path}:{line}: credentials.{name} is not used by any target"
        for line, name in ((16, "x"), (19, "y"))
    ]


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ("*:2525", "127.0.0.1:2525", True),
        ("[::]:2525", "0.0.0.0:2525", True),
        ("0.0.0.0:2525", "localhost:2525", True),
        ("localhost:2525", "[::1]:2525", True),
        ("0.0.0.0:2525", "[::1]:2525", False),
        ("127.0.0.1:2525", "127.0.0.2:2525", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
def test_two_do_not_listen_at_one_place(first: str, second: str, meet: bool) -> None:
    rest = 'tls = "none"\nallow_clear_text = true\n'
    one, two = (f'[[listener]]\naddress = "{each}"\n{rest}' for each in (first, second))
    text = f'{one}[[route]]\nto = "keep"\n[target.keep]\nkind = "capture"\n'
    faults = []
    for whole in (text + two, f'health = "{second}"\n{text}'):
        try:
            parse_config(whole, "g.toml")
        except ConfigProblems as found:
            faults += [str(each) for each in found.problems]
    said = "the listener listener-1 already has that address"
    assert faults == ([f"g.toml:10: {said}", f"g.toml:1: {said}"] if meet else [])


def test_a_duplicate_name_is_reported_although_the_other_route_is_faulty() -> None:
    routes = "".join(
        f'[[route]]\nname = "x"\nrecipients = "{each}"\nto = "here"\n' for each in ("a b", "b.net")
    )
    _, source = read_config(f'[target.here]\nkind = "capture"\n{routes}', "g.toml")
    assert "g.toml:8: route[1].name: there is already a route x" in map(str, source.problems)


def test_a_certificate_of_a_form_that_openssl_alone_takes_is_a_mistake(tmp_path: Path) -> None:
    chain = Path((pair := make_authority(tmp_path).issue("localhost")).certificate)
    chain.write_text(chain.read_text().replace(" CERTIFICATE", " TRUSTED CERTIFICATE"))
    path = tmp_path / "g.toml"
    path.write_text(
        SMALL + '[[listener]]\naddress = "127.0.0.1:0"\n'
        f'certificate = "{chain}"\nkey = "{pair.key}"\n'
    )
    with pytest.raises(ConfigProblems, match=f"g.toml:10: certificate {chain}: "):
        load_config(path, {})


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        ('kind = "access-key"\nkey', "the access key is not Base64"),
        (
            'kind = "google-service-account"\nusername = "u"\nkey',
            "the key file is not the JSON that",
        ),
        (
            'kind = "entra"\ntenant = "t"\nclient_id = "c"\ncertificate',
            "the certificate file cannot be used: it contains no unencrypted PEM key",
        ),
    ],
)
def test_a_secret_of_another_form(tmp_path: Path, credential: str, said: str) -> None:
    path, secret = tmp_path / "g.toml", tmp_path / "secret"
    secret.write_text("s3cret!")
    path.write_text(f'{SMALL}[credentials.x]\n{credential} = {{ file = "{secret}" }}\n')
    with pytest.raises(ConfigProblems, match=said) as caught:
        load_config(path, {})
    assert "s3cret" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'a = 1\nb = "\xe9"\n')
    with pytest.raises(ConfigProblems, match=r"latin\.toml:2: the configuration is not UTF-8"):
        load_config(tmp_path / "latin.toml")


def test_problems_as_a_document() -> None:
    with pytest.raises(ConfigProblems) as caught:
        parse_config(SMALL + "[[lisener]]\n", "g.toml")
    assert problems_document(caught.value) == {
        "valid": False,
        "warnings": [],
        "values": [],
        "problems": [
            {"where": "g.toml:8", "message": "unknown key lisener", "did_you_mean": "listener"}
        ],
    }


SECOND = "[[listener]]\naddress = '127.0.0.1:26'\n"


WITH_CREDENTIAL = (
    "[target.s]\nkind = 'smarthost'\nservers = 'smtp.example'\ncredential = 'c'\n"
    "mechanisms = 'PLAIN'\n"
)


API = "[api]\naddress = '[::1]:1'\ncertificate = 'c'\n"


EARLIER = '[[route]]\nrecipients = "a b"\nto = "here"\n'


@pytest.mark.parametrize(
    "text",
    [
        f"{SMALL}{SECOND}tls = 'nne'\n",  # nobody knows whether it needs a certificate
        EARLIER + SMALL,  # nobody knows whether the next route is ever taken
        EARLIER + EARLIER.replace("a b", "b.example") + SMALL,
        SMALL.replace("[[listener]]", "[listener]"),  # several ask for the listeners
        f"{SMALL}{SECOND}certificate = ''\n",
        f"{SMALL}[[listener]]\nunix = ''\n",
        f"{SMALL}[directory]\nkind = 'entr'\ntenants = '{TENANT}'\n{API}",
        f"{SMALL}[credentials.c]\nkind = 'pasword'\nusername = 'u'\n{WITH_CREDENTIAL}",
        f"{SMALL}[credentials.c]\nkind = 'google-service-account'\n{WITH_CREDENTIAL}".replace(
            "PLAIN", "XOAUTH2"
        ).replace("[target.s]", "key = { file = 'k' }\n[target.s]"),
    ],
)
def test_a_mistake_is_reported_without_its_consequences(text: str) -> None:
    assert len(mistakes(text)) == 1


def test_a_mistake_in_a_list_is_reported_with_its_own_line() -> None:
    mechanisms = 'mechanisms = [\n "PLAIN",\n "{}"]\n[target.here]'
    text = SMALL.replace(
        'to = "here"', 'to = [\n "here",\n "her"]\nsenders = ["a.example",\n "a b"]'
    )
    places = [
        mistakes(text.replace("[target.here]", mechanisms.format(name)))
        for name in ("PLAINN", "SCRAM-SHA-256-PLUS")
    ]
    for said in places:
        assert [each.partition(" ")[0] for each in said] == [
            "g.toml:6:",
            "g.toml:12:",
            "g.toml:14:",
        ]


def test_a_message_fits_a_line_whatever_it_quotes() -> None:
    [said] = mistakes(SMALL.replace("capture", "c\\u001b" * 9000))
    assert said.isprintable()
    assert len(said) < 1000


def test_a_secret_in_another_encoding_is_not_shown(tmp_path: Path) -> None:
    """Every mechanism and every form takes UTF-8 (RFC 4616 2, RFC 5802 5.1, RFC 6749 B)."""
    path, secret = tmp_path / "g.toml", tmp_path / "s"
    path.write_text(
        f"{SMALL}[credentials.x]\nkind = 'password'\nusername = 'u'\n"
        f"password = {{ file = '{secret}' }}\n"
    )
    secret.write_bytes("p\xe4ss".encode("latin-1"))
    secret.chmod(0o600)
    with pytest.raises(ConfigProblems) as caught:
        load_config(path)
    assert [str(each) for each in caught.value.problems] == [
        f"{path}:11: the file {secret} is not UTF-8: no server accepts it"
    ]
