# SPDX-License-Identifier: Apache-2.0
up() { port=$(free_port); start "$BIN" --port "$port" --bind 127.0.0.1 --save '' --daemonize no --dir "$PWD" "$@" > log 2>&1; until_true ready; }
ready() { [ "$(redis-cli -p "$port" ping 2>&1)" = PONG ]; }
ask() { timeout 10 redis-cli -p "$port" "$@"; }
quiet() { timeout 10 redis-cli -p "$port" "$@" > /dev/null 2>&1; }
# Waits until redis says that no child saves.
saved() { [ "$(ask info persistence | tr -d '\r' | grep -cE '^(rdb_bgsave|aof_rewrite)_in_progress:0')" = 2 ]; }

w_version() { "$BIN" --version | cut -d ' ' -f 1-2; }
w_help() { "$BIN" --help 2>&1 | sed -n 1p | cut -c 1-8; }
w_bad_conf() { echo nonsense > conf; "$BIN" conf > /dev/null 2>&1; echo $?; "$BIN" /nonexistent > /dev/null 2>&1; echo $?; "$BIN" --port 99999 > /dev/null 2>&1; echo $?; }
w_strings() { up; ask set a b; ask get a; ask append a cd; ask incr n; ask mset x 1 y 2; ask keys '[axy]' | sort; ask expire a 100; ask del a x y; ask setrange z 100 q; ask getrange z 99 101 | cksum; stop TERM; }
w_structures() { up; ask lpush l 1 2 3; ask lrange l 0 -1; ask sort l; ask sadd s a b; ask scard s; ask zadd z 1 a 2 b; ask zrange z 0 -1; ask hset h f v; ask hgetall h; ask xadd x 1-1 f v; ask xlen x; ask pfadd p a; ask geoadd g 1 1 a; ask bitcount z 2>&1; ask object encoding l; stop TERM; }
w_script() { up; ask eval 'return redis.call("set", KEYS[1], ARGV[1])' 1 k v; ask get k; ask eval 'return cjson.encode({1,2})' 0; ask eval 'while true do end' 0 & sleep 0.3; wait $!; ask script flush; stop KILL; } 2> /dev/null
w_multi() { up; printf 'multi\nset a 1\nincr a\nexec\n' | ask; stop TERM; }
w_blocking() { up; (ask blpop q 5 > popped) & sleep 0.3; ask rpush q v; wait $!; cat popped; (ask subscribe c > heard) & sleep 0.5; ask publish c hello; sleep 0.2; kill $!; wait $! 2> /dev/null; stop TERM; }
w_save() { up; for i in 1 2 3; do quiet set "k$i" "$i"; done; ask save; ask bgsave; until_true saved; test -s dump.rdb && echo dumped; ask shutdown save; wait $server; echo "status $?"; up; ask get k2; stop TERM; }
w_append() {
  up --appendonly yes --appendfsync always; ask set a b; ask bgrewriteaof; until_true saved; ask set c d; quiet shutdown; wait $server; echo "status $?"
  up --appendonly yes --appendfsync everysec; ask get c; ask set e f; sleep 1.2; stop TERM
}
w_config() { up; ask config set maxmemory 10mb; ask config set maxmemory-policy allkeys-lru; ask config get maxmemory; ask config rewrite 2>&1; ask config resetstat; ask slowlog len; ask latency reset; ask memory usage nothing; quiet info all; quiet memory doctor; quiet memory stats; quiet memory purge; quiet latency doctor; quiet command; quiet client list; ask client setname n; ask debug jmap 2>&1 | cut -c 1-5; ask config set activedefrag yes 2>&1 | cut -c 1-3; stop TERM; }
w_conf_file() { port=$(free_port); printf 'port %s\nbind 127.0.0.1\ndir %s\nlogfile %s/log\nsave 1 1\nmaxclients 20\noom-score-adj yes\nproc-title-template x\n' "$port" "$PWD" "$PWD" > conf; start "$BIN" conf; until_true ready; ask set a b; sleep 1.5; until_true saved; test -s dump.rdb && echo dumped; ask config rewrite; ask config set save ''; stop TERM; }
w_daemon() { port=$(free_port); "$BIN" --port "$port" --bind 127.0.0.1 --save '' --dir "$PWD" --daemonize yes --pidfile "$PWD/pid" --logfile "$PWD/log" > /dev/null; until_true ready; ask ping; kill "$(cat pid)"; until_true test ! -e pid; echo ended; }
w_unix() { start "$BIN" --port 0 --unixsocket "$PWD/s" --unixsocketperm 700 --save '' > log; until_true test -S s; redis-cli -s s ping; stop INT; }
w_replica() { up; first=$port master=$server; quiet set a b; up --replicaof 127.0.0.1 "$first"; until_true sh -c "redis-cli -p $port get a | grep -q b"; ask get a; ask role | head -1; ask replicaof no one; stop TERM; server=$master; stop TERM; }
w_diskless() { up --repl-diskless-sync yes --repl-diskless-sync-delay 0; first=$port master=$server; quiet set a b; up --replicaof 127.0.0.1 "$first" --repl-diskless-load swapdb; until_true sh -c "redis-cli -p $port get a | grep -q b"; ask get a; stop TERM; server=$master; stop TERM; }
w_threads() { up --io-threads 3 --io-threads-do-reads yes; timeout 20 redis-benchmark -p "$port" -q -n 2000 -c 20 -t set,get > /dev/null; echo $?; ask unlink key:__rand_int__; ask flushall async; ask swapdb 0 1; stop TERM; }
w_tls() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -subj /CN=localhost -days 2 2> /dev/null; port=$(free_port)
  start "$BIN" --port 0 --tls-port "$port" --bind 127.0.0.1 --save '' --tls-cert-file cert --tls-key-file key --tls-ca-cert-file cert --tls-auth-clients no > log
  until_true port_open "$port"; redis-cli --tls --cacert cert --insecure -p "$port" ping; stop TERM
}
w_sentinel() { port=$(free_port); printf 'port %s\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 1 1\n' "$port" > conf; start "$BIN" conf --sentinel > log; until_true ready; ask sentinel masters | sed -n 2p; stop TERM; }
w_cluster() { up --cluster-enabled yes; ask cluster addslots 1 2 3; ask cluster info | tr -d '\r' | sed -n 2p; stop TERM; }
w_acl() { ready() { port_open "$port"; }; up --requirepass p; ask ping 2>&1; ask --no-auth-warning -a p acl whoami; ask --no-auth-warning -a p acl setuser u on '>x' '+@all' '~*'; stop TERM; }
w_crash() { up --crash-log-enabled yes; kill -SEGV $server; wait $server; echo "status $?"; } 2> /dev/null
w_port_taken() { up; "$BIN" --port "$port" --bind 127.0.0.1 > /dev/null 2>&1; echo $?; stop TERM; }
w_protocol() { up; printf 'PING\r\nSET a b\r\nnonsense\r\nQUIT\r\n' > in; exec 7<> "/dev/tcp/127.0.0.1/$port"; cat in >&7; tr -d '\r' <&7 | cut -c 1-20; exec 7>&-; stop TERM; }
