# SPDX-License-Identifier: Apache-2.0
# conf LINES-IN-HTTP [LINES-OUTSIDE]: a configuration with one server; its port is $port, its files are in html/.
conf() {
  port=$(free_port) other=$(free_port)
  mkdir -p html/dir logs; chmod 755 . "$DIR" html/dir; chmod 777 html # workers are another user's
  echo hay > html/index.html; head -c 300000 /dev/zero > html/big; seq 20000 > html/text.txt; echo x > html/dir/x
  cat > conf <<END
pid pid; error_log logs/error; ${2:-}
events { worker_connections 64; ${4:-} }
http {
  access_log logs/access; client_body_temp_path tmp1; proxy_temp_path tmp2; fastcgi_temp_path tmp3; uwsgi_temp_path tmp4; scgi_temp_path tmp5;
  ${1:-}
  server { listen 127.0.0.1:$port; root html; location /dir/ { autoindex on; } location /old { return 302 /; } location /no { deny all; }
    location /status { stub_status; } location /back { proxy_pass http://127.0.0.1:$other/; } ${3:-} }
}
END
}
up() { start "$BIN" -p "$PWD" -c conf -g 'daemon off;' && until_true port_open "$port"; }
ask() { curl -s -o out -o out -w '%{http_code} %{size_download}\n' "$@"; }

w_version() { "$BIN" -V 2>&1 | cut -c 1-40; }
w_help() { "$BIN" -h 2>&1 | head -3; }
w_test() { conf; "$BIN" -p "$PWD" -c conf -t 2>&1 | sed 's/.*nginx: //'; "$BIN" -p "$PWD" -c conf -T 2> /dev/null | grep -c listen; }
w_bad_conf() { conf nonsense; "$BIN" -p "$PWD" -c conf -t > /dev/null 2>&1; echo $?; "$BIN" -c /nonexistent > /dev/null 2>&1; echo $?; }
w_serve() {
  conf && up
  http_get "$port" /; ask "http://127.0.0.1:$port/big"; ask "http://127.0.0.1:$port/missing"; ask "http://127.0.0.1:$port/dir/"
  ask -r 5-9 "http://127.0.0.1:$port/big"; ask "http://127.0.0.1:$port/old"; ask -I "http://127.0.0.1:$port/"; ask "http://127.0.0.1:$port/no"
  ask -X POST -d x=y "http://127.0.0.1:$port/"; ask "http://127.0.0.1:$port/" "http://127.0.0.1:$port/dir/x"; ask "http://127.0.0.1:$port/back"
  exec 7<> "/dev/tcp/127.0.0.1/$port"; printf 'nonsense\r\n\r\n' >&7; head -1 <&7; exec 7>&-
  exec 7<> "/dev/tcp/127.0.0.1/$port"; printf 'GET / HT' >&7; exec 7>&-
  ask -H 'Transfer-Encoding: chunked' -d "$(head -c 100000 /dev/zero | tr '\0' a)" "http://127.0.0.1:$port/dir/x"
  stop QUIT
}
w_signals() {
  conf '' 'worker_processes 2; worker_rlimit_nofile 200; worker_priority 1; working_directory .; worker_shutdown_timeout 1;' && up
  http_get "$port" /; kill -HUP $server; sleep 0.5; http_get "$port" /; mv logs/access logs/old; kill -USR1 $server; sleep 0.5; http_get "$port" /
  test -e logs/access && echo reopened; kill -WINCH $server; sleep 0.3; stop TERM
}
w_daemon() {
  conf && "$BIN" -p "$PWD" -c conf && until_true port_open "$port"
  http_get "$port" /; "$BIN" -p "$PWD" -c conf -s reload; sleep 0.4; "$BIN" -p "$PWD" -c conf -s reopen; sleep 0.2; "$BIN" -p "$PWD" -c conf -s quit
  until_true test ! -e pid; echo ended
}
w_upgrade() {
  conf && "$BIN" -p "$PWD" -c conf && until_true port_open "$port"
  kill -USR2 "$(cat pid)"; until_true test -e pid.oldbin; sleep 0.3; http_get "$port" /; kill -QUIT "$(cat pid.oldbin)"
  until_true test ! -e pid.oldbin; http_get "$port" /; "$BIN" -p "$PWD" -c conf -s stop; until_true test ! -e pid; echo ended
}
w_tls() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=localhost -days 2 2> /dev/null
  conf 'http2_max_concurrent_streams 10;' '' 'location /never { return 200; } }
  server { listen 127.0.0.1:'"$(free_port > tls; cat tls)"' ssl http2; root html; ssl_certificate cert; ssl_certificate_key key; ssl_session_cache shared:s:1m;' && up
  until_true port_open "$(cat tls)"
  ask -k "https://127.0.0.1:$(cat tls)/"; ask -k --http1.1 "https://127.0.0.1:$(cat tls)/big"; ask -k --tls-max 1.2 "https://127.0.0.1:$(cat tls)/text.txt"
  stop QUIT
}
w_workers() {
  conf '' 'worker_processes 2; user nobody nogroup; worker_cpu_affinity auto; master_process on; daemon off; env X=y;'
  start "$BIN" -p "$PWD" -c conf && until_true port_open "$port"; http_get "$port" /; stop TERM
}
w_single() { conf '' 'master_process off;' && up; http_get "$port" /; stop TERM; }
w_files() {
  conf 'sendfile off; aio threads; directio 4k; gzip on; gzip_types text/plain; gzip_min_length 10; open_file_cache max=10; gzip_static on;' 'thread_pool default threads=2;' && up
  ask --compressed "http://127.0.0.1:$port/text.txt"; ask "http://127.0.0.1:$port/big"; ask "http://127.0.0.1:$port/"; stop QUIT
}
w_sendfile() {
  conf 'sendfile on; tcp_nopush on; sendfile_max_chunk 64k; aio threads; log_format f $status; access_log logs/a f buffer=1k flush=1s; keepalive_timeout 1; reset_timedout_connection on;' && up
  ask "http://127.0.0.1:$port/big" "http://127.0.0.1:$port/text.txt"; ask --limit-rate 2M "http://127.0.0.1:$port/big"; sleep 1.2; stop QUIT
}
w_proxy() {
  conf 'proxy_cache_path cache keys_zone=k:1m max_size=1m; limit_req_zone $binary_remote_addr zone=l:1m rate=100r/s; limit_conn_zone $server_name zone=c:1m; upstream u { server unix:sock; keepalive 2; zone u 64k; }' '' 'limit_req zone=l burst=5; limit_conn c 9;
    location /self/ { proxy_pass http://u/; proxy_cache k; proxy_cache_valid 1m; proxy_store off; proxy_buffer_size 4k; proxy_buffers 2 4k; proxy_busy_buffers_size 4k; }
    location /fcgi { fastcgi_pass 127.0.0.1:'1'; } location /store/ { proxy_pass http://u/; proxy_store html/store.txt; } }
  server { listen unix:sock; root html;' && up
  ask "http://127.0.0.1:$port/self/text.txt"; ask "http://127.0.0.1:$port/self/text.txt"; ask "http://127.0.0.1:$port/self/big"; ask "http://127.0.0.1:$port/fcgi"
  ask "http://127.0.0.1:$port/store/text.txt"; cmp html/store.txt html/text.txt && echo stored; sleep 1.2; stop QUIT
}
w_resolver() {
  conf 'resolver 127.0.0.1:1 ipv6=off; resolver_timeout 1s;' '' 'location /dns { set $h nowhere.invalid; proxy_pass http://$h; }' && up
  ask "http://127.0.0.1:$port/dns"; stop QUIT
}
w_events() { conf '' '' '' 'use epoll; multi_accept on; accept_mutex on;' && up; http_get "$port" /; stop QUIT; }
w_syslog() { conf 'access_log syslog:server=127.0.0.1:9;' && up; http_get "$port" /; stop QUIT; }
w_port_taken() { conf && up; "$BIN" -p "$PWD" -c conf > /dev/null 2>&1; echo $?; stop QUIT; }
