"""C and C++ programs for test_executed_lines.py; lines that are not to be executed end with `// no`.

In: an input of "3". Out: C and CPP, programs by name; NO_TRACE_C, programs of which no trace can be had.
"""

C = {
    "branches": """\
#include <stdio.h>
#include <string.h>
/* a comment
   of two lines */
#define TWICE(x) \\
    ((x) + (x))
int global = 3;
static int never(int x) { // no
    return x; // no
}
inline int never_too(int x) { return x; } // no
int outside(int x);
int called(
    int a,
    int b
) {
    return a
        + b;
}
int main(void) {
    int x;
    if (scanf("%d", &x) != 1)
        return 1; // no
    if (x == 3) {
        puts("3");
    } else {
        puts("not 3"); // no
        x = 4; // no
    }
    for (int i = 0; i < 0; i++)
        puts("never"); // no
    do
        x--;
    while (x > 0);
    switch (x) {
    case 1:
        x = TWICE(1); // no
        break; // no
    case 0:
        x = 1;
    case 2:
        x += 1;
        break;
    default:
        x = 7; // no
    }
    goto end;
end:
    return x == 2 ? called(1, 2) : 0;
}
""",
    "exit": """\
#include <stdlib.h>
static void leave(void) {
    exit(3);
}
int main(void) {
    leave();
    return 0; // no
}
""",
    "hard exit": """\
#include <unistd.h>
int main(int n, char **a) {
    if (n == 1)
        _exit(0);
    return 1; // no
}
""",
    "abort": """\
#include <stdlib.h>
int main(int n, char **a) {
    if (n == 1)
        abort();
    return n; // no
}
""",
    "segmentation fault": """\
int main(void) {
    int a = 1;
    while (a) {
        a += 2;
        if (a == 8)
            a = 0; // no
        *(volatile int *)8 = a;
        a += 2; // no
    }
    return a; // no
}
""",
    "division by zero": "int main(int n, char **a) {\n    n = n / (n - 1);\n    return n; // no\n}\n",
    "loop": """\
#include <stdio.h>
int main(void) {
    volatile int a = 1;
    int b = 2;
    while (a) {
        a += 2;
        if (a == 0)
            b = 3; // no
    }
    puts("never"); // no
    return b; // no
}
""",
    "loop that catches all": """\
#include <signal.h>
int main(void) {
    for (int i = 1; i < 64; i++)
        signal(i, SIG_IGN);
    volatile int a = 1;
    while (a)
        ;
    return 0; // no
}
""",
    "recursion": """\
int f(volatile int n) {
    return f(n + 1) + n;
}
int main(void) {
    return f(0);
}
""",
    "kill": "#include <signal.h>\nint main(void) {\n    raise(SIGKILL);\n    return 0; // no\n}\n",
    "longjmp": """\
#include <setjmp.h>
jmp_buf place;
void f(void) {
    longjmp(place, 1);
}
int main(void) {
    if (setjmp(place))
        return 0;
    f();
    return 1; // no
}
""",
    "fork and threads": """\
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
void *work(void *x) {
    return x;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, work, 0);
    pthread_join(thread, 0);
    if (!fork())
        return 5;
    int status;
    wait(&status);
    if (WEXITSTATUS(status) == 6)
        return 1; // no
    return 0;
}
""",
    "report of its own": """\
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int n, char **a) {
    puts("1 2 3 4 5 6 7 8\\n011111111111111");
    fflush(stdout);
    write(1, "1 2\\n0\\n0\\n0\\n0\\n", 14);
    write(2, "1 2\\n0\\n0\\n0\\n0\\n", 14);
    system("echo 1 2; echo 011");
    if (n > 1)
        puts("1 2"); // no
    for (int i = 0; i < 99; i++)
        close(i);
}
""",
    "optimized, CRLF": '#pragma GCC optimize("O3")\r\n#include <stdio.h>\r\nint main(int n, char **a) {\r\n'
    "    int x = n;\r\n"
    "    if (x == 3)\r\n        x = 4; // no\r\n    /* \u00e4\u2028\x0c */ puts(\"\u00e4\x0c\");\r\n    return x;\r\n}",
}  # fmt: skip

CPP = {
    "everything": """\
#include <bits/stdc++.h>
using namespace std;

struct Counter {
    int n;
    Counter(int n) : n(n) {}
    ~Counter() {
        n = 0;
    }
    int next() const {
        return n + 1;
    }
};

template <class T> T larger(T a, T b) {
    if (a < b)
        return b;
    return a; // no
}

static int never() { // no
    return 1; // no
}

int global = larger(1, 2);

int check(int x) {
    if (x > 2)
        throw runtime_error("large");
    return x;
}

int main() {
    int n;
    cin >> n;
    vector<int> v{3, 2, 1};
    sort(v.begin(), v.end(), [](int a, int b) {
        return a < b;
    });
    auto unused = [&](int a) {
        return a + n;  // the compiler makes no code of what is never called
    };
    Counter counter(n);
    try {
        for (int x : v)
            cout << check(x) << endl;
        cout << counter.next(); // no
    } catch (const logic_error &error) {
        cout << 1; // no
    } catch (const exception &error) {
        cout << 2;
    } catch (...) {
        cout << 3; // no
    }
    if (counter.next() == n)
        return 1; // no
    map<string, int> count;
    count["a"] += 1;
    for (auto &[key, value] : count)
        if (value > 1)
            cout << key; // no
    return 0;
}
""",
    "uncaught": """\
#include <stdexcept>
void f(int n) {
    if (n)
        throw std::out_of_range("f");
}
int main(int n, char **a) {
    f(0);
    f(n);
    return 0; // no
}
""",
}

NO_TRACE_C = {
    "does not compile": "int main(void) { return x; }\n",
    "has no main": "int f(void) { return 1; }\n",
    "is empty": "",
    "says its lines": "#line 100\nint main(void) {\n    return 0;\n}\n",
    "says its file": '# 7 "main.c"\nint main(void) {\n    return 0;\n}\n',
    "has a lone CR": "int main(void) {\r    return 0;\n}\n",
    "kills what reports": "#include <signal.h>\n#include <unistd.h>\nint main(void) {\n    kill(getppid(), 9);\n"
    "    for (;;) ;\n}\n",
    "kills all": "#include <signal.h>\nint main(void) {\n    kill(-1, 9);\n}\n",
    "takes its marks": '#include <stdio.h>\nint main(void) {\n    rename("main.c", "marks");\n}\n',
    "surrogate": "int main(void) {\n    return \ud800;\n}\n",
}
