"""English translations of what Windows, .NET, glibc and mail servers say in other languages.

Signs are written in English. The translation of a text is appended to it, so that every sign holds
for it, too. The phrases are from the systems' own translations.
"""

from typing import Final

# fmt: off
_SENSES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("the remote name could not be resolved: no such host is known", (
        "der remotename konnte nicht aufgelöst werden", "der angegebene host ist unbekannt",
        "es ist kein solcher host bekannt", "der name oder der dienst ist nicht bekannt",
        "le nom distant n'a pas pu être résolu", "hôte inconnu", "nom ou service inconnu",
        "no se puede resolver el nombre remoto", "host desconocido",
        "nombre o servicio desconocido",
        "impossibile risolvere il nome remoto", "host sconosciuto", "nome o servizio sconosciuto",
        "o nome remoto não pôde ser resolvido", "host não é conhecido",
        "de externe naam kan niet worden omgezet", "nie można rozpoznać nazwy zdalnej",
        "невозможно разрешить удаленное имя", "этот хост неизвестен",
        "リモート名を解決できませんでした", "そのようなホストは不明です", "未能解析此远程名称",
        "不知道这样的主机", "名称或服务未知")),
    ("temporary failure in name resolution", (
        "temporärer fehler bei der namensauflösung", "échec temporaire dans la résolution du nom",
        "fallo temporal en la resolución del nombre", "временный сбой в разрешении имен",
        "域名解析暂时失败")),
    ("unable to connect to the remote server", (
        "verbindung mit dem remoteserver kann nicht hergestellt werden",
        "keine verbindung mit dem remoteserver", "impossible de se connecter au serveur distant",
        "no se puede conectar con el servidor remoto",
        "no es posible conectar con el servidor remoto",
        "impossibile effettuare la connessione al server remoto",
        "não é possível conectar-se ao servidor remoto",
        "impossível conectar-se ao servidor remoto",
        "kan geen verbinding met de externe server maken",
        "nie można połączyć się z serwerem zdalnym",
        "невозможно соединиться с удаленным сервером", "リモート サーバーに接続できません",
        "无法连接到远程服务器")),
    ("connection refused: actively refused", (
        "der zielcomputer die verbindung verweigerte", "verbindungsaufbau abgelehnt",
        "verbindung verweigert", "l'ordinateur cible l'a expressément refusée", "connexion refusée",
        "equipo de destino denegó expresamente", "conexión rehusada", "conexión rechazada",
        "rifiuto persistente del computer di destinazione", "connessione rifiutata",
        "máquina de destino as recusou ativamente", "conexão recusada",
        "doelcomputer de verbinding actief heeft geweigerd", "verbinding is geweigerd",
        "komputer docelowy aktywnie go odmawia", "połączenie odrzucone",
        "конечный компьютер отверг запрос на подключение", "в соединении отказано",
        "対象のコンピューターによって拒否された", "接続を拒否されました", "目标计算机积极拒绝",
        "拒绝连接")),
    ("connection attempt failed because the connected party did not properly respond: timed out", (
        "da die gegenstelle nach einer bestimmten zeitspanne nicht",
        "wartezeit für die verbindung ist abgelaufen", "verbindungszeit überschritten",
        "le parti connecté n'a pas répondu convenablement",
        "connexion terminée par expiration du délai", "la parte conectada no respondió",
        "expiró el tiempo de conexión", "la parte connessa non ha risposto", "connessione scaduta",
        "o componente conectado não respondeu", "tempo esgotado para conexão",
        "omdat de verbonden partij niet correct", "połączona strona nie odpowiedziała",
        "от другого компьютера за требуемое время не получен",
        "время ожидания соединения истекло", "接続済みの呼び出し先が一定の時間",
        "接続がタイムアウト",
        "连接方在一段时间后没有正确答复", "连接超时")),
    ("the operation has timed out", (
        "das timeout für den vorgang", "zeitüberschreitung", "zeitlimit überschritten",
        "le délai d'attente de l'opération a expiré", "le délai de l'opération a expiré",
        "délai d'attente dépassé", "se excedió el tiempo de espera", "timeout dell'operazione",
        "timeout operazione", "o tempo limite da operação", "time-out van de bewerking",
        "time-out van bewerking", "upłynął limit czasu operacji", "время ожидания операции истекло",
        "время операции истекло", "操作がタイムアウト", "操作はタイムアウト", "操作超时",
        "操作已超时")),
    ("network is unreachable", (
        "das netzwerk ist nicht erreichbar", "le réseau n'est pas accessible",
        "la red es inaccesible", "сеть недоступна", "网络不可达")),
    ("no route to host", (
        "keine route zum zielrechner", "aucun chemin d'accès pour atteindre l'hôte",
        "no existe ninguna ruta hasta el", "нет маршрута до узла", "没有到主机的路由")),
    ("connection reset: closed by remote host", (
        "vom kommunikationspartner zurückgesetzt", "vom remotehost geschlossen",
        "connexion ré-initialisée par le correspondant", "fermée par l'hôte distant",
        "conexión reinicializada por la máquina remota", "forzado la interrupción de una conexión",
        "connessione in corso interrotta forzatamente", "foi forçado o cancelamento de uma conexão",
        "удаленный хост принудительно разорвал", "соединение разорвано другой стороной",
        "リモート ホストに強制的に切断", "远程主机强迫关闭了一个现有的连接", "连接被对端重置")),
    ("the handshake failed due to an unexpected packet format", (
        "unerwartet oder fehlerhaft formatiert", "unerwarteten paketformats",
        "format de paquet inattendu", "message reçu était inattendu ou formaté de façon incorrecte",
        "formato de paquete inesperado", "mensaje recibido fue inesperado o tenía un formato",
        "formato di pacchetto imprevisto", "formato de pacote inesperado",
        "непредвиденного формата пакета", "予期しないパケット形式", "收到的消息异常，或格式不正确",
        "意外的数据包格式", "意外数据包格式")),
    ("the remote certificate is invalid according to the validation procedure", (
        "das remotezertifikat ist laut validierungsverfahren ungültig",
        "das remotezertifikat ist ungültig", "le certificat distant n'est pas valide",
        "el certificado remoto no es válido", "certificato remoto non è stato ritenuto valido",
        "certificato remoto non è valido", "o certificado remoto é inválido",
        "het externe certificaat is ongeldig", "zdalny certyfikat jest nieprawidłowy",
        "удаленный сертификат недействителен", "リモート証明書は無効", "远程证书无效")),
    ("certificate has expired", (
        "zertifikat ist abgelaufen", "zertifikat abgelaufen", "le certificat a expiré",
        "certificat expiré", "el certificado ha caducado", "certificado ha expirado",
        "certificato è scaduto", "certificado expirou", "certificaat is verlopen",
        "сертификата истек", "証明書の有効期限が切れ", "证书已过期")),
    ("server does not support secure connections", (
        "server unterstützt keine sicheren verbindungen",
        "le serveur ne prend pas en charge les connexions sécurisées",
        "el servidor no admite conexiones seguras", "il server non supporta connessioni protette",
        "o servidor não dá suporte a conexões seguras", "server ondersteunt geen beveiligde",
        "serwer nie obsługuje bezpiecznych połączeń",
        "сервер не поддерживает безопасные подключения",
        "サーバーはセキュリティで保護された接続をサポートしていません", "服务器不支持安全连接")),
    ("the smtp server requires a secure connection or the client was not authenticated", (
        "für den smtp-server ist eine sichere verbindung erforderlich",
        "smtp-server erfordert eine sichere verbindung",
        "le serveur smtp requiert une connexion sécurisée",
        "le serveur smtp nécessite une connexion sécurisée",
        "el servidor smtp requiere una conexión segura",
        "il server smtp richiede una connessione protetta",
        "o servidor smtp requer uma conexão segura", "smtp-server vereist een beveiligde",
        "serwer smtp wymaga bezpiecznego połączenia", "smtp-сервер требует безопасного подключения",
        "smtp サーバーに、セキュリティで保護された接続が必要", "smtp 服务器要求安全连接")),
    ("mailbox unavailable", (
        "postfach nicht verfügbar", "boîte aux lettres non disponible", "buzón no disponible",
        "cassetta postale non disponibile", "caixa de correio não disponível",
        "почтовый ящик недоступен", "メールボックスを使用できません", "邮箱不可用")),
    ("bad sequence of commands", (
        "falsche befehlsreihenfolge", "ungültige befehlsfolge", "séquence de commandes incorrecte",
        "secuencia de comandos incorrecta", "sequenza di comandi non valida",
        "неверная последовательность команд", "命令顺序错误")),
    ("authentication failed", (
        "authentifizierung fehlgeschlagen", "authentifizierung ist fehlgeschlagen",
        "anmeldung fehlgeschlagen", "authentifizierungsfehler", "échec de l'authentification",
        "échec d'authentification", "l'authentification a échoué", "erreur d'authentification",
        "error de autenticación", "autenticación fallida", "fallo de autenticación",
        "la autenticación ha fallado", "autenticazione fallita", "autenticazione non riuscita",
        "falha na autenticação", "falha de autenticação", "authenticatie mislukt",
        "uwierzytelnianie nie powiodło się", "błąd uwierzytelniania", "ошибка аутентификации",
        "ошибка авторизации", "認証に失敗しました", "認証エラー", "认证失败", "身份验证失败",
        "登录失败")),
    ("certificate verify failed", (
        "zertifikat ist nicht vertrauenswürdig", "zertifikatsprüfung fehlgeschlagen",
        "zertifikat konnte nicht überprüft werden", "échec de la vérification du certificat",
        "error al verificar el certificado", "verifica del certificato non riuscita",
        "証明書の検証に失敗", "证书验证失败")),
)
# fmt: on


def in_english(text: str) -> str:
    """Return ``text`` in lower case, followed by the English of its phrases in other languages."""
    text = text.replace("\u2019", "'").replace("\xa0", " ")
    senses = [sense for sense, phrases in _SENSES if any(phrase in text for phrase in phrases)]
    return " = ".join((text, *senses)) if senses else text
