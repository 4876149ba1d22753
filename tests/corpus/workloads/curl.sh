# SPDX-License-Identifier: Apache-2.0
# A server of openssl or python that answers on the loopback.
certificate() { openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -days 2 2> /dev/null; }
with_tls() { certificate; port=$(free_port); echo hay > file; openssl s_server -quiet -accept "127.0.0.1:$port" -key key -cert cert -WWW "$@" > /dev/null 2>&1 & server=$!; until_true port_open "$port"; }
with_http() { port=$(free_port); mkdir -p site && echo hay > site/file; python3 -m http.server -d site --bind 127.0.0.1 "$port" > /dev/null 2>&1 & server=$!; until_true port_open "$port"; }
done_with() { kill $server; wait $server 2> /dev/null; }

w_version() { "$BIN" --version | cut -d ' ' -f 1-2 | sed -n 1p; }
w_help() { "$BIN" --help | sed -n 1p; "$BIN" --help all | grep -c url; }
w_manual() { "$BIN" --manual > /dev/null 2>&1; echo $?; }
w_usage() { "$BIN" 2> /dev/null; echo $?; "$BIN" --nonsense 2> /dev/null; echo $?; }
w_file() { echo hay > f; "$BIN" -s "file://$PWD/f"; "$BIN" -s -o out "file://$PWD/f" && cat out; "$BIN" -s "file:///nonexistent"; echo $?; "$BIN" -s -T f "file://$PWD/g" && cat g; }
w_https() { with_tls; "$BIN" -s --cacert cert "https://localhost:$port/file"; echo $?; "$BIN" -s --cacert cert -o out -w '%{http_code} %{ssl_verify_result}\n' "https://127.0.0.1:$port/file"; cat out; done_with; }
w_https_unknown() { with_tls; "$BIN" -s "https://localhost:$port/file"; echo $?; "$BIN" -sk "https://localhost:$port/file"; done_with; }
w_tls12() { with_tls -tls1_2; "$BIN" -s --cacert cert --tlsv1.2 "https://localhost:$port/file"; echo $?; done_with; }
w_client_cert() { with_tls -verify 1; "$BIN" -s --cacert cert --cert cert --key key "https://localhost:$port/file"; echo $?; done_with; }
w_http() { with_http; "$BIN" -s "http://127.0.0.1:$port/file"; "$BIN" -s -o /dev/null -w '%{http_code}\n' "http://localhost:$port/missing"; "$BIN" -sI "http://127.0.0.1:$port/file" | grep -i -c length; "$BIN" -sf "http://127.0.0.1:$port/missing"; echo $?; done_with; }
w_output() { with_http; "$BIN" -s -O -R "http://127.0.0.1:$port/file" && cat file; "$BIN" -s -C - -O "http://127.0.0.1:$port/file"; echo $?; "$BIN" -# -o out --create-dirs --output-dir d "http://127.0.0.1:$port/file" 2> /dev/null; cat d/out; done_with; }
w_many() { with_http; "$BIN" -s -Z --parallel-max 3 "http://127.0.0.1:$port/file" "http://127.0.0.1:$port/file" "http://127.0.0.1:$port/file"; "$BIN" -s "http://127.0.0.1:$port/{file,file}" "http://127.0.0.1:$port/fil[e-e]"; done_with; }
w_post() { with_http; "$BIN" -s -o /dev/null -w '%{http_code}\n' -d x=y "http://127.0.0.1:$port/file"; echo x | "$BIN" -s -o /dev/null -w '%{http_code}\n' -F 'f=@-' "http://127.0.0.1:$port/"; done_with; }
w_cookies() { with_http; "$BIN" -s -b a=b -c jar "http://127.0.0.1:$port/file"; test -e jar && echo jar; "$BIN" -s --netrc-optional --compressed -e x -A y -H 'X: y' "http://127.0.0.1:$port/file"; done_with; }
w_config() { with_http; printf 'url = "http://127.0.0.1:%s/file"\nsilent\n' "$port" > conf; "$BIN" -K conf; "$BIN" -q -s --trace trace "http://127.0.0.1:$port/file"; grep -c hay trace; done_with; }
w_refused() { "$BIN" -s http://127.0.0.1:1/; echo $?; "$BIN" -s --retry 1 --retry-delay 1 --retry-connrefused http://127.0.0.1:1/; echo $?; "$BIN" -s 'http://[::1]:1/'; echo $?; }
w_no_name() { "$BIN" -s -m 20 http://nowhere.invalid/ ; echo $?; "$BIN" -s --resolve a.b:1:127.0.0.1 http://a.b:1/; echo $?; }
w_timeout() { port=$(free_port); python3 -c 'import socket,sys,time; s=socket.create_server(("127.0.0.1",int(sys.argv[1]))); time.sleep(8)' "$port" & server=$!; until_true port_open "$port"; "$BIN" -s -m 1 "http://127.0.0.1:$port/"; echo $?; "$BIN" -s --connect-timeout 1 -y 1 -Y 1000 "http://127.0.0.1:$port/"; echo $?; done_with; }
w_protocols() { for u in ftp://127.0.0.1:1/ telnet://127.0.0.1:1 tftp://127.0.0.1:1/x dict://127.0.0.1:1/ ldap://127.0.0.1:1/ smtp://127.0.0.1:1/ imap://127.0.0.1:1/ pop3://127.0.0.1:1/ scp://127.0.0.1:1/x rtsp://127.0.0.1:1/ gopher://127.0.0.1:1/ mqtt://127.0.0.1:1/x nonsense://x; do "$BIN" -s -m 3 "$u" < /dev/null; echo $?; done; }
w_unix() { "$BIN" -s --unix-socket nothing http://x/; echo $?; "$BIN" -s --interface lo -m 2 http://127.0.0.1:1/; echo $?; "$BIN" -s -x 127.0.0.1:1 http://x/; echo $?; "$BIN" -s --socks5 127.0.0.1:1 http://x/; echo $?; }
w_interrupt() { port=$(free_port); python3 -c 'import socket,sys,time; s=socket.create_server(("127.0.0.1",int(sys.argv[1]))); time.sleep(8)' "$port" & server=$!; until_true port_open "$port"; timeout -s INT 2 "$BIN" -s "http://127.0.0.1:$port/"; echo $?; done_with; }
w_broken_pipe() { with_http; head -c 3000000 /dev/zero > site/big; "$BIN" -s "http://127.0.0.1:$port/big" | head -c 10 | cksum; done_with; }
w_rate() { with_http; head -c 300000 /dev/zero > site/big; "$BIN" -s --limit-rate 500k "http://127.0.0.1:$port/big" | cksum; done_with; }
