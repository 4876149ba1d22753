# SPDX-License-Identifier: Apache-2.0
# The modules are plugins, loaded by name from the configuration: the profile of the program has those that Debian's defaults load.
TAGS[cgi]=exec
conf() {
  port=$(free_port); mkdir -p html/dir; echo hay > html/index.html; head -c 300000 /dev/zero > html/big; seq 20000 > html/text.txt; echo x > html/dir/x
  cat > conf <<END
server.document-root = "$PWD/html"
server.port = $port
server.bind = "127.0.0.1"
server.errorlog = "$PWD/error"
server.upload-dirs = ( "$PWD" )
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html", ".txt" => "text/plain" )
server.pid-file = "$PWD/pid"
${1:-}
END
}
up() { start setsid "$BIN" -D -f conf 2> /dev/null; until_true port_open "$port"; }
ask() { curl -s -o out -o out -w '%{http_code} %{size_download}\n' "$@"; }

w_version() { "$BIN" -v | cut -c 1-9; "$BIN" -V | grep -c IPv6; }
w_help() { "$BIN" -h | grep -c config; }
w_test() { conf; "$BIN" -t -f conf; "$BIN" -p -f conf | grep -c server.port; "$BIN" -tt -f conf; echo $?; }
w_bad_conf() { conf nonsense; "$BIN" -t -f conf > /dev/null 2>&1; echo $?; "$BIN" -D -f /nonexistent 2> /dev/null; echo $?; }
w_serve() {
  conf && up
  http_get "$port" /; ask "http://127.0.0.1:$port/big"; ask "http://127.0.0.1:$port/missing"; ask -r 5-9 "http://127.0.0.1:$port/big"; ask -I "http://127.0.0.1:$port/"
  ask -X POST -d "$(head -c 100000 /dev/zero | tr '\0' a)" "http://127.0.0.1:$port/"; ask "http://127.0.0.1:$port/" "http://127.0.0.1:$port/text.txt"; ask -X PUT -d x "http://127.0.0.1:$port/x"
  exec 7<> "/dev/tcp/127.0.0.1/$port"; printf 'nonsense\r\n\r\n' >&7; head -1 <&7; exec 7>&-; exec 7<> "/dev/tcp/127.0.0.1/$port"; printf 'GET / HT' >&7; exec 7>&-
  stop INT
}
w_modules() {
  conf 'server.modules += ( "mod_accesslog", "mod_dirlisting", "mod_deflate", "mod_access", "mod_alias", "mod_redirect", "mod_rewrite", "mod_expire", "mod_setenv", "mod_status", "mod_proxy" )
accesslog.filename = "access"
dir-listing.activate = "enable"
deflate.mimetypes = ( "text/plain" )
url.redirect = ( "^/old" => "/" )
url.access-deny = ( "~" )
status.status-url = "/status"' && sed -i "s|\"access\"|\"$PWD/access\"|" conf && up
  ask --compressed "http://127.0.0.1:$port/text.txt"; ask "http://127.0.0.1:$port/dir/"; ask "http://127.0.0.1:$port/old"; ask "http://127.0.0.1:$port/x~"; curl -s "http://127.0.0.1:$port/status?auto" | grep -c Total
  kill -HUP $server; sleep 0.3; http_get "$port" /; stop INT
}
w_cgi() { conf 'server.modules += ( "mod_cgi" )
cgi.assign = ( ".cgi" => "/bin/sh" )' && printf 'echo "Content-Type: text/plain"\necho\necho "$REQUEST_METHOD"\ncat\n' > html/a.cgi && up; http_get "$port" /a.cgi; ask -d x=y "http://127.0.0.1:$port/a.cgi"; stop INT; }
w_signals() { conf && up; kill -HUP $server; sleep 0.2; http_get "$port" /; kill -USR1 $server; sleep 1.2; http_get "$port" /; stop INT; }
w_term() { conf && up; http_get "$port" /; kill -TERM $server; wait $server; true; }
w_daemon() { conf && "$BIN" -f conf 2> /dev/null; until_true port_open "$port"; http_get "$port" /; kill -INT "$(cat pid)"; until_true test ! -e pid; echo ended; }
w_workers() { conf 'server.max-worker = 2
server.max-fds = 100' && up; http_get "$port" /; stop TERM; }
w_user() { conf 'server.username = "nobody"
server.groupname = "nogroup"' && chmod 755 . "$DIR" html && touch error && chmod 666 error && up; http_get "$port" /; stop INT; }
w_events() { for e in poll select linux-sysepoll; do conf "server.event-handler = \"$e\"" && up; http_get "$port" /; stop INT; done; }
w_network() { for e in writev sendfile write; do conf "server.network-backend = \"$e\"" && up; ask "http://127.0.0.1:$port/big"; stop INT; done; }
w_tls() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=localhost -days 2 2> /dev/null
  conf 'server.modules += ( "mod_openssl" )
ssl.engine = "enable"' && printf 'ssl.pemfile = "%s/cert"\nssl.privkey = "%s/key"\n' "$PWD" "$PWD" >> conf && up
  ask -k "https://127.0.0.1:$port/"; ask -k --http1.1 "https://127.0.0.1:$port/big"; stop INT
}
w_one_shot() { conf; printf 'GET / HTTP/1.0\r\n\r\n' | timeout 5 "$BIN" -1 -f conf 2> /dev/null | tr -d '\r' | sed -n 1p; }
w_idle() { conf; timeout 8 "$BIN" -D -i 1 -f conf 2> /dev/null; echo $?; }
w_taken() { conf && up; "$BIN" -D -f conf 2> /dev/null; echo $?; stop INT; }
