/** Cases of `programs.test.ts`: a shell script a row, run by /bin/bash in the prepared folder. */

export interface ProgramCase {
  readonly name: string;
  readonly packageName?: string;
  readonly title: string;
  readonly script: string;
  readonly timeoutS?: number;
}

const c = (name: string, title: string, script: string, packageName = name): ProgramCase => ({
  name,
  title,
  script,
  packageName,
});

const PYTHON_IMPORT_ALL = `
import sys, importlib, pkgutil, io, warnings
warnings.simplefilter("ignore")
skip = {"antigravity", "this", "idlelib", "turtledemo", "test", "lib2to3", "__main__"}
for name in sorted(sys.stdlib_module_names):
    if name in skip or name.startswith("_"): continue
    try:
        importlib.import_module(name); print(name, "ok")
    except BaseException as e:
        print(name, type(e).__name__)
`;

export const PROGRAM_CASES: readonly ProgramCase[] = [
  c(
    'bash',
    'arrays',
    'a=(one two "three four"); a+=(five); echo ${#a[@]} "${a[2]}" "${a[@]:1:2}" ${!a[@]}; declare -A m=([x]=1 [y]=2); for k in $(printf "%s\\n" "${!m[@]}" | sort); do echo $k=${m[$k]}; done; unset "a[1]"; echo "${a[*]}"; mapfile -t l < folder/two; echo ${#l[@]} ${l[3]}',
  ),
  c(
    'bash',
    'traps and subshells',
    'trap "echo exit \\$?" EXIT; trap "echo int" INT; trap "echo err line" ERR; kill -INT $$; false; (exit 3); echo $?; (trap - EXIT; echo $BASH_SUBSHELL; (echo $BASH_SUBSHELL)); x=$(echo sub; exit 4); echo $? $x; set -e; (false) || true; exit 9',
  ),
  c(
    'bash',
    'process substitution',
    'diff <(sort -n numbers | head -20) <(sort -rn numbers | head -20); paste <(seq 5) <(seq 5 9); while read -r l; do echo "[$l]"; done < <(head -3 folder/one); tee >(wc -c > n1) < words > /dev/null; sleep 0.2; cat n1',
  ),
  c(
    'bash',
    'here-documents and strings',
    'cat <<E | tr a-z A-Z\nhere $((6*7)) ${HOME}\nE\ncat <<-\'E\'\n\tno $expansion\nE\nread a b <<< "word1 word2"; echo $b $a; cat <<< "$(seq 3)"',
  ),
  c(
    'bash',
    'job control',
    'set -m; sleep 2 & sleep 30 & jobs | sed "s/[0-9]\\{3,\\}//"; wait %1; echo $?; kill -TERM %2; wait %2; echo $?; (kill -STOP $BASHPID; echo woke) & sleep 0.5; jobs -s | wc -l; kill -CONT %%; wait; echo done',
  ),
  c(
    'bash',
    'expansion',
    'v=abcdefabc; echo ${v/abc/X} ${v//abc/X} ${v:2:3} ${v^^} ${v: -2} ${v#*c} ${v%%d*}; echo {a..e} {1..10..3} x{1,2}{a,b}; shopt -s extglob nullglob; echo f*/+(o|n|e) nomatch*; printf -v q "%q" "a b\'c"; echo $q; [[ foobar =~ ^(foo)(.*)$ ]] && echo ${BASH_REMATCH[2]}; echo $((2**40 % 1000)) $((16#ff)); echo ${!HO*}; echo "${v@Q}"; select x in a b; do echo $x; break; done <<< 2',
  ),
  c(
    'bash',
    'functions, recursion, coproc',
    'fib() { (( $1 < 2 )) && { echo $1; return; }; echo $(( $(fib $(($1-1))) + $(fib $(($1-2))) )); }; fib 9; coproc C { while read l; do echo "got $l"; done; }; echo hi >&${C[1]}; read r <&${C[0]}; echo $r; time_it() { local -r x=5; echo $x; }; time_it; declare -f time_it; exec 5<> folder/one; read -u 5 l; echo $l; ulimit -n | grep -c .',
  ),
  c(
    'dash',
    'POSIX script',
    'dash -c \'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; echo $i; f() { echo "$@"; }; f 1 2; set -- x y; echo $# $*; case abc in a*c) echo ok;; esac; (cd /; pwd); x=$(printf "%s-" a b); echo ${x%-}\'',
  ),
  c(
    'cat',
    'coreutils: files',
    'cat -A folder/one; tac words | head -2; head -3 words; tail -3 words; nl folder/two; wc words binary; split -n 3 binary s.; ls s.*; csplit -s words 100 200; ls xx*; od -An -tx4 binary | head -3; sum words; cksum words; md5sum words; sha1sum words; sha224sum words; sha256sum words; sha384sum words; sha512sum words; b2sum words; base64 binary | head -2; base32 words | head -1; basenc --base16 folder/one; fmt -w 30 words | head; pr -l 20 -h T folder/one | tail -n +4; fold -w 10 folder/two',
    'coreutils',
  ),
  c(
    'sort',
    'coreutils: lines',
    'sort words | md5sum; sort -n numbers | head; sort -t, -k3,3 -k2,2nr table.csv | head; sort -R --random-source=binary numbers | head -3; sort -S 64k --parallel=2 numbers | uniq -c | sort -rn | head -4; shuf --random-source=binary -n 5 numbers; uniq -c folder/one; comm folder/one folder/two; ptx folder/one | head -5; tsort <<< "a b b c"; cut -d, -f1-2 table.csv | head -3; paste -d: folder/one folder/two; join <(sort folder/one) <(sort folder/two); tr -cd a-f < words | head -c 50; expand folder/one; unexpand -a folder/one; truncate -s 10 words; cat words; numfmt --to=iec 123456789',
    'coreutils',
  ),
  c(
    'ls',
    'coreutils: names',
    'ls -1 --group-directories-first; ls -la folder | awk "{print \\$1, \\$5, \\$NF}"; dir folder; vdir folder | awk "{print \\$1}"; cp -r folder f2; cp -p words w2; cmp words w2; mv w2 w3; ln -s words l; readlink l; realpath --relative-to=. l; ln words h; link words h2; stat -c "%h %s %F" words; unlink h2; rm h; mkdir -m 700 d; rmdir d; q=$(mktemp -d); mkfifo $q/p; test -p $q/p && echo fifo; mknod $q/np p && ls $q; rm -r $q; touch -d @100000 words; stat -c %Y words; install -m 755 words i; stat -c %a i; chmod u=rw,g=r,o= words; stat -c %a words; chown $(id -u) words; chgrp $(id -g) words; mktemp -d t.XXXX | wc -c; rmdir t.*; dd if=binary of=o bs=100 count=3 2>/dev/null; wc -c o; shred -n 1 -u o; ls o; du -b words | cut -f1; df . | wc -l; sync words; dircolors -b | wc -l; pathchk words && echo ok; tee t < folder/one | wc',
    'coreutils',
  ),
  c(
    'expr',
    'coreutils: the rest',
    'expr 3 + 4; factor 1234567; seq 1 3 10; printf "%s %d\\n" a 5; echo x; yes | head -2; true; false || echo f; test 1 -lt 2 && [ a = a ] && echo t; basename /x/y.z .z; dirname /x/y; pwd | wc -l; env -i X=1 env; printenv HOME; id -u | wc -l; whoami | wc -l; users | wc -l; who | wc -l; groups | wc -l; logname 2>/dev/null | wc -l; hostid | wc -c; uname -s; arch; nproc | wc -l; date -u -d @0 +%F; sleep 0.01; timeout 0.1 sleep 5; echo $?; nice -n 1 echo n; nohup echo h 2>/dev/null; stdbuf -oL echo b; tty; stty -a < /dev/null; pinky -h >/dev/null 2>&1; uptime >/dev/null 2>&1; chroot / true; echo $?; runcon true 2>/dev/null; chcon x y 2>/dev/null; chmod --version | head -0; md5sum --check <(md5sum words); sha256sum -b words; b2sum -l 128 words; dir; vdir --version | head -0; getlimits 2>/dev/null; stat -f -c %T / >/dev/null; kill -l TERM; tail -c 5 words; env --chdir=folder ls; mv -n words nw; touch empty2; od -c folder/one | head -2',
    'coreutils',
  ),
  c(
    'grep',
    'patterns',
    'grep -c ka words; grep -n "lo.*mi" words | head; grep -P "(?<=ka)lo" words | head -3; grep -E "^(\\w+ ){3}" -o words | head -3; grep -rl first folder | sort; grep -z a binary | wc -c; grep -vf folder/one folder/two; grep -F -x third folder/one; zgrep x /dev/null; echo $?',
  ),
  c(
    'sed',
    'scripts',
    "sed -n '/ka/{s//<&>/g;p}' words | head; sed -E 's/(\\w+) (\\w+)/\\2 \\1/;10q' words; sed '$!N;s/\\n/ /;P;D' folder/two; sed -i.bak 's/first/1st/' folder/one; cat folder/one folder/one.bak; sed 'y/abc/xyz/;1~2d' folder/two; sed -n '$=' words",
  ),
  c(
    'mawk',
    'programs',
    'mawk \'{n[NF]++} END {for (i=0;i<20;i++) if (n[i]) print i, n[i]}\' words; mawk -F, \'{s+=$2} END {printf "%.2f\\n", s/NR}\' table.csv; mawk \'BEGIN{while((getline l < "numbers")>0) x=x+l; print x; print substr("hello",2,3), index("abc","c"), split("a:b:c",q,":"), q[2]; print length("x" "yz"), sin(1), 2^31}\'',
  ),
  c(
    'gawk',
    'programs',
    'gawk -f - table.csv <<"E"\nBEGIN { FS="," } NR>1 { a[$3][NR]=$2 } END { PROCINFO["sorted_in"]="@ind_str_asc"; for (k in a) { n=asort(a[k], s); print k, n, s[1], s[n] }; print strftime("%F", 0, 1), gensub(/(a)(b)/, "\\\\2\\\\1", "g", "abab"), strtonum("0x1f"), and(12, 10), toupper("x"); "echo piped" | getline z; print z }\nE',
  ),
  c(
    'find',
    'expressions',
    "find . -type f | sort; find folder -name '*.txt' -printf '%f %s %d\\n'; find . -size +5k -o -empty | sort; find folder -depth -type d; find . -newer words -name x; find folder -exec echo {} + | tr ' ' '\\n' | sort; find . -perm -u+x -name '*.sh' -delete; ls; find . -maxdepth 1 -regex '.*[wb].*' | sort",
    'findutils',
  ),
  c(
    'xargs',
    'batches',
    "seq 100 | xargs -n 7 echo | tail -3; printf 'a\\0b c\\0' | xargs -0 -I{} echo '<{}>'; seq 4 | xargs -P 2 -n 1 sh -c 'exit 0'; echo $?; seq 3 | xargs -n1 false; echo $?",
    'findutils',
  ),
  c(
    'tar',
    'archives',
    'tar cf a.tar folder words; tar tf a.tar | sort; mkdir x; tar xf a.tar -C x; diff -r folder x/folder && echo same; tar --exclude=deep -czf b.tgz folder; tar tzf b.tgz | sort; tar rf a.tar binary; tar df a.tar; echo $?; tar xOf a.tar words | md5sum; rm b.tgz a.tar',
  ),
  c(
    'gzip',
    'levels',
    'for l in 1 6 9; do gzip -$l -nc words | md5sum; done; gzip -c binary | gunzip | cmp - binary; gzip -n words; gzip -l words.gz | tail -1; gzip -d words.gz; md5sum words; gzip -t script.sh; echo $?; zcat <(gzip -c folder/one)',
  ),
  c(
    'bzip2',
    'round trip',
    'bzip2 -kc words | md5sum; bzip2 -c binary | bunzip2 | cmp - binary; bzcat <(bzip2 -c words) | wc; bzip2 -t words; echo $?',
  ),
  c(
    'xz',
    'round trip',
    'xz -T1 -c words | md5sum; xz -9e -c binary | xz -d | cmp - binary; xz --format=lzma -c words | md5sum; xz -t words; echo $?; xz -k words; xz -l words.xz | wc -l; rm words.xz',
    'xz-utils',
  ),
  c(
    'zstd',
    'round trip',
    'zstd -q -c words | zstd -dc | cmp - words; zstd -19 -q --single-thread -c binary | md5sum; zstd -q words; zstd -dqf words.zst; md5sum words; rm words.zst',
  ),
  c(
    'bc',
    'arithmetic',
    'bc -lq <<< "scale=60; 4*a(1); e(1); sqrt(2); 2^300; define f(n) { if (n<2) return 1; return n*f(n-1); } f(40); ibase=16; FF"',
  ),
  c(
    'diff',
    'formats',
    'diff folder/one folder/two; diff -u --label a --label b folder/one folder/two; diff -y -W 40 folder/one folder/two; diff -r folder folder && echo same; diff3 folder/one folder/two folder/one; cmp -l folder/one folder/two; sdiff -s folder/one folder/two',
    'diffutils',
  ),
  c(
    'patch',
    'apply and reverse',
    'diff -u folder/one folder/two > p; patch -s folder/one p; cmp folder/one folder/two && echo equal; patch -sR folder/one p; cat folder/one; patch --dry-run folder/two p < /dev/null; echo $?; rm p',
  ),
  c(
    'make',
    'a small project',
    'printf "all: a b\\n\\t@cat a b\\na:\\n\\techo making \\$@ > \\$@\\nb: a\\n\\tsed s/a/b/ a > b\\nclean: ; rm -f a b\\n%%.o: %%.c\\n\\techo \\$<\\n.PHONY: all clean\\n" > Makefile; make; make; make -n clean; make -j3 clean; make absent; echo $?',
  ),
  c(
    'perl',
    'language',
    'perl -e \'my %h; open F, "words"; while (<F>) { $h{$_}++ for split } for (sort { $h{$b} <=> $h{$a} || $a cmp $b } keys %h) { print "$_ $h{$_}\\n" if $i++ < 5 } print join(",", map { $_*2 } grep { $_ % 2 } 1..9), "\\n"; $_ = "a1b22"; print "$1\\n" while /(\\d+)/g; printf "%s %.5f\\n", sprintf("%b", 10), atan2(1,1); eval { die "oops\\n" }; print $@; print sort { $a <=> $b } 3, 1, 2; local $| = 1; if (my $p = fork) { wait; print " child ", $? >> 8, "\\n" } else { exit 3 } print `echo back`; use POSIX; print floor(-1.5), "\\n"; my @s = stat "words"; print "$s[7]\\n"; use List::Util "sum"; print sum(1..10), "\\n"; use Data::Dumper; $Data::Dumper::Sortkeys = 1; print Dumper {a => [1, {b => 2}]};\'',
  ),
  c(
    'python3',
    'language',
    'python3 - <<"E"\nimport json, re, collections, itertools, functools, hashlib, zlib, struct, datetime, textwrap, random, math, fractions\nwords = open("words").read().split()\nprint(collections.Counter(words).most_common(5))\nprint(json.dumps(json.load(open("json.json")), sort_keys=True, indent=1))\nprint(hashlib.sha256(open("binary","rb").read()).hexdigest(), zlib.crc32(b"x"*1000))\nrandom.seed(5); print([random.randint(0, 99) for _ in range(8)], random.gauss(0, 1))\nprint(sum(fractions.Fraction(1, n) for n in range(1, 30)), math.pi ** 20)\nprint(re.sub(r"(\\w)(\\w*)", lambda m: m[2] + m[1], "the quick brown fox"))\n@functools.lru_cache\ndef f(n): return n if n < 2 else f(n-1) + f(n-2)\nprint(f(300)); print(list(itertools.permutations("abc"))[:4])\ntry: 1/0\nexcept ZeroDivisionError as e: print(repr(e))\nclass A:\n  __slots__ = ("x",)\n  def __enter__(s): print("in"); return s\n  def __exit__(s, *a): print("out", a[0]); return True\nwith A() as a: raise KeyError("k")\nprint(datetime.datetime.fromtimestamp(0, datetime.timezone.utc).isoformat(), struct.pack("<hId", -2, 7, 1.5))\nprint(f"{1234567.891:,.2f} {255:#x} {\'é\':>4}"); print(2**1000 % 10**20)\nimport asyncio\nasync def g(n): await asyncio.sleep(0.01 * n); return n\nasync def main(): print(await asyncio.gather(*(g(i) for i in (3, 1, 2))))\nasyncio.run(main())\nE',
  ),
  {
    ...c('python3', 'imports every module of its library', `python3 -c '${PYTHON_IMPORT_ALL}'`),
    timeoutS: 240,
  },
  c(
    'python3',
    'subprocess and multiprocessing',
    'python3 - <<"E"\nimport subprocess, multiprocessing as mp, os, sys, signal, tempfile\nprint(subprocess.run(["sort", "-n"], input="3\\n1\\n2\\n", capture_output=True, text=True).stdout)\nprint(subprocess.run("exit 7", shell=True).returncode, subprocess.run(["kill", "-9", str(os.getpid() * 0 + 1 << 22)], stderr=subprocess.DEVNULL).returncode)\np = subprocess.Popen(["sleep", "10"]); p.terminate(); print(p.wait())\ndef f(x): return x * x\nmp.set_start_method("fork")\nwith mp.Pool(3) as pool: print(pool.map(f, range(10)))\nq = mp.Queue(); c = mp.Process(target=q.put, args=("from child",)); c.start(); print(q.get()); c.join(); print(c.exitcode)\na = mp.Array("i", 4)\ndef g(i):\n  with a.get_lock(): a[i] = i * 10\nps = [mp.Process(target=g, args=(i,)) for i in range(4)]\n[p.start() for p in ps]; [p.join() for p in ps]; print(a[:])\nr, w = os.pipe()\nif os.fork() == 0: os.write(w, b"pipe"); os._exit(4)\nprint(os.read(r, 9), os.WEXITSTATUS(os.wait()[1]))\nE',
  ),
  c(
    'python3',
    'sqlite3, ssl, decimal, ctypes, threads',
    'python3 - <<"E"\nimport sqlite3, ssl, decimal, ctypes, threading, queue, socket, select, mmap, os, tempfile, lzma, bz2, gzip, uuid\ndb = sqlite3.connect("x.db"); db.execute("create table t(a, b)"); db.executemany("insert into t values(?, ?)", ((i, i * i % 97) for i in range(2000))); db.commit()\nprint(db.execute("select b, count(*) from t group by b order by 2 desc, 1 limit 3").fetchall())\nprint(ssl.create_default_context().verify_mode, ssl.HAS_TLSv1_3)\ndecimal.getcontext().prec = 50; print(decimal.Decimal(2).sqrt(), decimal.Decimal("1") / 7)\nlibc = ctypes.CDLL(None); print(libc.abs(-5), ctypes.c_int.in_dll(ctypes.pythonapi, "Py_OptimizeFlag").value)\n@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))\ndef cmp(a, b): return a[0] - b[0]\narr = (ctypes.c_int * 5)(5, 3, 9, 1, 7); libc.qsort(arr, 5, 4, cmp); print(list(arr))\nq = queue.Queue(); ts = [threading.Thread(target=lambda i=i: q.put(i * 2)) for i in range(8)]\n[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(q.get() for _ in ts))\nl = threading.Lock(); n = 0\ndef w():\n  global n\n  for _ in range(2000):\n    with l: n += 1\nts = [threading.Thread(target=w) for _ in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]; print(n)\nm = mmap.mmap(-1, 4096); m[:5] = b"hello"; print(m[:5])\nprint(lzma.decompress(lzma.compress(b"abc" * 100))[:6], len(bz2.compress(b"abc" * 100)), gzip.decompress(gzip.compress(b"z")))\nprint(uuid.uuid5(uuid.NAMESPACE_DNS, "x.y"))\nE\nrm -f x.db',
  ),
  c(
    'sqlite3',
    'inserts, joins, vacuum',
    "sqlite3 t.db <<E\ncreate table a(id integer primary key, k int, s text); create table b(k int, v real);\nbegin; with recursive c(x) as (select 1 union all select x+1 from c where x<100000) insert into a select x, (x*7919)%1009, 'row '||x from c; commit;\ninsert into b select k, sum(id)*0.5 from a group by k;\ncreate index i on a(k); select count(*), max(b.v) from a join b on a.k=b.k where a.id%7=1;\nselect s from a where s like '%99%9' order by id desc limit 3; delete from a where id%3=0; vacuum; pragma integrity_check; select count(*) from a;\n.mode csv\nselect k, count(*) c from a group by k order by c desc, k limit 4;\nE\nrm t.db",
  ),
  c(
    'lua5.4',
    'language',
    "lua5.4 - <<'E'\nlocal t = {} for w in io.open('words'):read('a'):gmatch('%a+') do t[w] = (t[w] or 0) + 1 end local k = {} for w in pairs(t) do k[#k+1] = w end table.sort(k, function(a, b) return t[a] > t[b] or t[a] == t[b] and a < b end) for i = 1, 5 do print(k[i], t[k[i]]) end local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end) print(co(), co(), co()) print(select(2, pcall(error, {code = 5})).code) print(string.format('%5.2f %q %x', math.pi, 'a\\nb', 255), 7 // 2, 7 % -3, 2^53, 1 << 62, 10 // 0.0) local mt = setmetatable({}, {__index = function(_, n) return n * 2 end, __call = function(_, a) return a end}) print(mt[21], mt(5)) print(#arg, os.time({year=2020, month=1, day=1, hour=0}), utf8.char(8364))\nE",
  ),
  c(
    'jq',
    'filters',
    "jq -S . json.json; jq '.a[2].b, .d, (.e|keys), ([.a[]|numbers]|add)' json.json; jq -c '[paths]' json.json; jq -n '[range(10)|select(.%2==0)|.*.]'; jq -r '.c|ascii_upcase|test(\"TEX\")' json.json; echo '{' | jq . 2>/dev/null; echo $?",
  ),
  c(
    'openssl',
    'digests and keys',
    'openssl dgst -sha256 words; openssl dgst -sha3-512 binary; openssl enc -aes-256-cbc -pbkdf2 -S 0011223344556677 -k pw -in words | md5sum; openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 00000000000000000000000000000000 -in binary | md5sum; openssl genrsa 2048 2>/dev/null > k; openssl rsa -in k -pubout 2>/dev/null > p; openssl dgst -sha256 -sign k -out s words; openssl dgst -sha256 -verify p -signature s words; openssl ecparam -genkey -name prime256v1 -noout > e; openssl ec -in e -pubout 2>/dev/null > ep; openssl dgst -sha384 -sign e -out es words; openssl dgst -sha384 -verify ep -signature es words; openssl rand -hex 8 | wc -c; openssl prime 1000003; echo text | openssl base64; openssl req -x509 -key k -subj /CN=x -days 1 2>/dev/null | openssl x509 -noout -subject; rm -f k p s e ep es',
  ),
  c(
    'git',
    'a repository',
    'export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE="1600000000 +0000" GIT_COMMITTER_DATE="1600000000 +0000" GIT_CONFIG_NOSYSTEM=1 HOME=$PWD; git init -q -b main r; cd r; cp -r ../folder ../words .; git add .; git commit -qm one; echo more >> words; git commit -qam two; git log --oneline; git diff HEAD~1 --stat; git checkout -qb side HEAD~1; echo s > side; git add side; git commit -qm side; git checkout -q main; git merge -q -m merged side; git log --graph --format=%s%d; git blame -s words | tail -1; git grep -n first; git stash list; cd ..; git clone -q r c; cd c; git rev-parse HEAD; git fsck; git gc -q; git count-objects -v | grep in-pack; git archive HEAD | md5sum; cd ..; rm -rf r c .gitconfig',
  ),
  {
    ...c(
      'gcc',
      'compiles, links and runs C and C++',
      'cat > a.c <<E\n#include <stdio.h>\n#include <math.h>\nint main(int c, char **v) { double s = 0; for (int i = 1; i < 1000; i++) s += sin(i) / i; printf("%.12f %d\\n", s, c); return 4; }\nE\ngcc -O2 -o a a.c -lm && ./a x; echo $?; gcc -static -o b a.c -lm && ./b; cat > d.cc <<E\n#include <iostream>\n#include <map>\n#include <stdexcept>\n#include <string>\nint main() { std::map<std::string, int> m; for (auto w : {"b", "a", "b"}) m[w]++; for (auto &[k, v] : m) std::cout << k << v << "\\n"; try { throw std::runtime_error("caught"); } catch (const std::exception &e) { std::cout << e.what() << std::endl; } try { std::string().at(5); } catch (std::out_of_range &) { std::cout << "range\\n"; } }\nE\ng++ -O1 -std=c++17 -o d d.cc && ./d; gcc -c a.c && ar rcs l.a a.o && nm l.a | grep main; objdump -d a.o | grep -c call; strip a && size a | wc -l; readelf -h a | grep Type; gcc -E -dM - < /dev/null | grep -c __x86_64__; echo "int f(" | gcc -x c - -o z 2>/dev/null; echo $?; rm -f a b d a.o l.a',
    ),
    timeoutS: 240,
  },
  c(
    'luajit',
    'compiled traces and callbacks',
    'luajit -e \'local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end local s = 0 for i = 1, 3000000 do s = s + i % 7 end local t = {} for i = 1, 20000 do t[i] = i * 7919 % 10007 end table.sort(t) local ffi = require("ffi") ffi.cdef[[void qsort(void*, size_t, size_t, int (*)(const int*, const int*));]] local a = ffi.new("int[100]") for i = 0, 99 do a[i] = i * 7919 % 1009 end ffi.C.qsort(a, 100, 4, ffi.cast("int (*)(const int*, const int*)", function(x, y) return x[0] - y[0] end)) print(fib(24), s, t[1], t[20000], a[0], a[50], a[99])\'',
  ),
  c(
    'python3',
    'callbacks made at run time',
    `python3 -c '
import ctypes
T = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
a = (ctypes.c_int * 100)(*[i * 7919 % 1009 for i in range(100)])
for way in range(20):
    n = []
    ctypes.CDLL(None).qsort(a, 100, 4, T(lambda x, y: n.append(1) or (y[0] - x[0] if way % 2 else x[0] - y[0])))
    print(a[0], a[50], a[99], len(n) > 400)
'`,
  ),
  c(
    'grep',
    'patterns compiled at run time',
    String.raw`grep -nP '^(\d)(?=.*\1$)\d*(?<!7)5$' numbers | head; grep -cP '(?i)(a|e)\w*(?!s)\w{2}\b' words; grep -oP '\b(\w)\w*\1\b' words | sort -u | head -5`,
  ),
  c('java', 'starts', 'java -Xmx256m -version 2>&1 | sed 1q', 'openjdk-17-jre-headless'),
];
