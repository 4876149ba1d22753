# SPDX-License-Identifier: Apache-2.0
[ "$(id -u)" = 0 ] && AS=(-u nobody) || AS=()
up() { port=$(free_port); start "$BIN" "${AS[@]}" -l 127.0.0.1 -p "$port" "$@"; until_true port_open "$port"; }
talk() { exec 7<> "/dev/tcp/127.0.0.1/$port"; printf '%s\r\n' "$@" quit >&7; tr -d '\r' <&7; exec 7>&-; }

w_version() { "$BIN" -V; }
w_help() { "$BIN" -h | sed -n 1,2p; }
w_text() { up -U 0; talk 'set a 0 0 1' b 'get a' 'incr n 1' 'add a 0 0 1' c 'append a 0 0 1' d 'get a' 'delete a' 'get a' 'flush_all' 'verbosity 1' 'mg x v' 'nonsense' 'touch a 1' 'gat 1 a'; stop TERM; }
w_stats() { up -t 2; talk 'stats' 'stats items' 'stats slabs' 'stats settings' 'stats conns' 'stats sizes' | cut -d ' ' -f 1 | sort -u; stop INT; }
w_large() { up -m 4 -I 1m; v=$(head -c 500000 /dev/zero | tr '\0' v); for i in 1 2 3 4 5 6 7 8 9 10; do talk "set k$i 0 0 500000" "$v"; done | sort | uniq -c; stop TERM; }
w_udp() { up -U "$(free_port > udp; cat udp)"; exec 8<> "/dev/udp/127.0.0.1/$(cat udp)"; printf '\0\1\0\0\0\1\0\0version\r\n' >&8; timeout 2 head -c 20 <&8 | tail -c +9 | cut -c 1-7; exec 8>&-; stop TERM; }
w_unix() { chmod 777 . "$DIR"; start "$BIN" "${AS[@]}" -s "$PWD/s" -a 0777; until_true test -S s; printf 'set a 0 0 1\r\nb\r\nget a\r\nquit\r\n' | timeout 5 python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect("s"); s.sendall(sys.stdin.buffer.read()); sys.stdout.write(s.makefile().read())' | tr -d '\r'; stop TERM; }
w_daemon() { chmod 777 . "$DIR"; port=$(free_port); "$BIN" "${AS[@]}" -d -P "$PWD/pid" -l 127.0.0.1 -p "$port" -c 100; until_true port_open "$port"; talk version | cut -c 1-7; kill "$(cat pid)"; until_true test ! -e pid; echo ended; }
w_limits() { up -c 100 -b 10 -R 2 -C -r; talk 'get x'; stop TERM; }
w_conns() { up -c 40; for i in 1 2 3 4 5; do talk 'get x' > /dev/null & done; sleep 0.3; kill -0 $server && echo alive; kill %2 %3 %4 %5 %6 2> /dev/null; stop TERM; }
w_usr1() { up; kill -USR1 $server; sleep 0.2; stop TERM; }
w_no_user() { "$BIN" -u nosuchuser -l 127.0.0.1 -p 1 2> /dev/null; echo $?; }
w_taken() { up; "$BIN" "${AS[@]}" -l 127.0.0.1 -p "$port" -U 0 2> /dev/null; echo $?; stop TERM; }
w_verbose() { up -vv; talk 'set a 0 0 1' b 'get a'; stop TERM; }
w_extstore() { chmod 777 . "$DIR"; up -m 8 -o "ext_path=$PWD/store:64m"; v=$(head -c 5000 /dev/zero | tr '\0' v); for i in 1 2 3; do talk "set k$i 0 0 5000" "$v"; done; sleep 1; talk 'get k1' | head -1 | cut -c 1-8; stop TERM; }
w_warm() { chmod 777 . "$DIR"; file=/dev/shm/memcached.$$; up -e "$file"; talk 'set a 0 0 1' b; stop USR1; rm -f "$file"*; }
w_tls() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=localhost -days 2 2> /dev/null; chmod 644 key; chmod 755 . "$DIR"
  up -Z -o ssl_chain_cert=cert,ssl_key=key; printf 'version\r\nquit\r\n' | timeout 5 openssl s_client -quiet -connect "127.0.0.1:$port" 2> /dev/null | cut -c 1-7; stop TERM
}
w_sasl() { "$BIN" "${AS[@]}" -S -l 127.0.0.1 -p "$(free_port)" > /dev/null 2>&1; echo $?; }
w_logs() { up -o worker_logbuf_size=1024,watcher_logbuf_size=4096; exec 8<> "/dev/tcp/127.0.0.1/$port"; printf 'watch fetchers mutations\r\n' >&8; sleep 0.2; talk 'set a 0 0 1' b 'get a'; sleep 0.5; exec 8>&-; stop TERM; }
