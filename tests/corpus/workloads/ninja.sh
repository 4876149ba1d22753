# SPDX-License-Identifier: Apache-2.0
for name in build fail tools pool interrupt; do TAGS[$name]=exec; done
some() { printf 'rule r\n command = cat $in > $out\n depfile = $out.d\nrule e\n command = echo $out > $out\nbuild a: e\nbuild b: r a\nbuild c d: e\ndefault b c\n' > build.ninja; }
w_version() { "$BIN" --version | cut -c 1; "$BIN" --help 2>&1 | sed -n 1p | cut -c 1-6; "$BIN" --nonsense 2> /dev/null; echo $?; "$BIN"; echo $?; "$BIN" -t list | wc -l; "$BIN" -C /nonexistent 2> /dev/null; echo $?; }
w_build() { some; "$BIN" -j 2 | tail -1 | cut -c 1-5; "$BIN" | wc -l; rm a; "$BIN" -v -j 1 b | tail -1; "$BIN" -n d | wc -l; touch -d 2100-01-01 a; "$BIN" -d explain -d stats b > /dev/null 2>&1; echo $?; "$BIN" -l 100 --quiet; }
w_fail() { printf 'rule f\n command = false\nrule g\n command = nosuchprogram\nrule s\n command = kill -SEGV $$$$\nbuild x: f\nbuild y: g\nbuild z: s\n' > build.ninja; "$BIN" x > /dev/null; echo $?; "$BIN" -k 0 > /dev/null; echo $?; echo nonsense > n; "$BIN" -f n 2> /dev/null; echo $?; "$BIN" nothing 2> /dev/null; echo $?; }
w_tools() { some; "$BIN" > /dev/null; "$BIN" -t graph | wc -l; "$BIN" -t deps | wc -l; "$BIN" -t targets all | sort; "$BIN" -t commands; "$BIN" -t compdb | wc -l; "$BIN" -t clean; "$BIN" -t recompact; "$BIN" -t query b; "$BIN" -t restat; echo $?; "$BIN" -t cleandead; "$BIN" -t missingdeps | wc -l; }
w_pool() { printf 'pool p\n depth = 1\nrule r\n command = echo $out > $out\n pool = p\nrule c\n command = echo console; touch $out\n pool = console\nrule w\n command = cat out.rsp > $out\n rspfile = out.rsp\n rspfile_content = hay\nbuild a: r\nbuild b: r\nbuild c: c a b\nbuild d: w\n' > build.ninja; "$BIN" | grep -o console; "$BIN" d > /dev/null; cat d; }
w_interrupt() { printf 'rule s\n command = sleep 5\nbuild x: s\n' > build.ninja; timeout -s INT 0.5 "$BIN" > /dev/null; echo $?; }
w_terminal() { some; on_terminal "$BIN"; echo $?; }
TAGS[terminal]=exec
