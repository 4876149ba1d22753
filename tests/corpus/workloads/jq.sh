# SPDX-License-Identifier: Apache-2.0
w_version() { "$BIN" --version | cut -c 1-2; }
w_help() { "$BIN" --help | sed -n 1p; "$BIN" 2> /dev/null; echo $?; }
w_filters() { echo '{"a":[1,2,{"b":null}],"c":"x"}' > f; "$BIN" . f; "$BIN" -c '.a[]' f; "$BIN" -r .c < f; "$BIN" -S 'keys' f; "$BIN" --tab -j '.a|length' f; "$BIN" -e .nothing f; echo $?; }
w_options() { echo '{"a":1}' > f; echo '. + {b: $x}' > p; "$BIN" -c --arg x y -f p f; "$BIN" -n --argjson x 3 '$x'; "$BIN" -c --slurpfile s f -n '$s'; "$BIN" -cs . f f; "$BIN" -R . f; "$BIN" -c --stream . f; "$BIN" -C . f; "$BIN" -n '$ENV.HOME, env.TZ'; "$BIN" -n --args '$ARGS.positional' a b; "$BIN" --seq -a -c . f; }
w_math() { "$BIN" -n '1e3, (2|pow(.;10)), (10|log10|floor), nan, infinite, (-1|sqrt|tostring), ([3,1,2]|sort), ("a,b"|split(",")), ("abc"|test("B";"i")), ("x"|@base64), ([1]|implode), ("2015-03-05T23:51:47Z"|fromdate), (0|todate), (0|gmtime|mktime), (0|strftime("%A")), (0|localtime|mktime), ("10:00"|strptime("%H:%M")|.[3])' 2>&1; }
w_now() { "$BIN" -n 'now > 0, (input_line_number), ("x"|ltrimstr("y")), (now|localtime|length), ([limit(3;range(10))]), (try error("x") catch .), ("\(1+2)"), ([splits("a";"b")]?), getpath(["a"]), (input? // "none")' -c; }
w_modules() { mkdir m; echo 'def f: 42;' > m/x.jq; echo '{"k":1}' > m/d.json; "$BIN" -n -L m 'import "x" as x; import "d" as $d; x::f, $d' -c; "$BIN" -n 'import "nothing" as x; 1' 2> /dev/null; echo $?; echo 'def g: 7;' > "$HOME/.jq"; "$BIN" -n g; }
w_errors() { echo '{' | "$BIN" . 2> /dev/null; echo $?; "$BIN" '.[' 2> /dev/null; echo $?; "$BIN" . /nonexistent 2> /dev/null; echo $?; echo '"x"' | "$BIN" .a 2> /dev/null; echo $?; "$BIN" -n 'halt_error' 2> /dev/null; echo $?; "$BIN" -n '"x"|halt_error(3)' 2> /dev/null; echo $?; }
w_big() { seq 20000 | "$BIN" -s add; seq 20000 | "$BIN" -c -n '[inputs]|length'; "$BIN" -n '[range(100000)]|map(.*2)|add'; "$BIN" -n 'reduce range(1000) as $i ([]; .+[$i])|length'; }
w_broken_pipe() { "$BIN" -n 'range(100000)' 2> /dev/null | sed -n '1p;1q'; true; }
w_terminal() { on_terminal "echo 1 | $BIN ."; echo $?; }
w_full() { "$BIN" -n 1 > /dev/full 2> /dev/null; echo $?; }
