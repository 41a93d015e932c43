# One program over the shapes of translations; interrupted.test.ts stops it at each host instruction.
# The system call answers rax = 3 rax + rdi; `hlt` ends it (#GP).
.intel_syntax noprefix
.text
start:
        lea     rbx, [rip + data]
        mov     eax, 39
        mov     edi, 7
        syscall
        mov     r12, rax
        mov     eax, 257
        syscall
        add     r12, rax
        push    r12
        pushf
        pop     r13
        and     r13, 0xcd5
        call    leaf
        lea     r14, [rip + leaf]
        call    r14
        call    qword ptr [rip + pointer]
        mov     r14, rsp
        push    qword ptr [rip + pointer]
        pop     r15
        jmp     r15b_done
r15b_done:
        lea     r15, [rip + behind]
        stc
        jmp     r15
        hlt
behind:
        adc     r12, 1
        mov     ecx, 3
again:
        lea     r12, [r12 + r12 * 2 + 1]
        push    rcx
        loop    again
        add     rsp, 24
        mov     ecx, 2
        jecxz   again
        xor     ecx, ecx
        jrcxz   zero
        hlt
zero:
        lea     rdi, [rbx + 64]
        mov     rsi, rbx
        mov     ecx, 5
        cld
        rep     movsq
        mov     ecx, 9
        lea     rdi, [rbx + 160]
        mov     al, 0x5a
        rep     stosb
        lodsb
        scasb
        std
        lea     rsi, [rbx + 40]
        movsd
        cld
        cmp     qword ptr [rbx], 5
        setb    r8b
        cmovae  r9, [rbx + 8]
        xadd    [rbx + 8], r9
        lock    cmpxchg [rbx + 16], r12
        xchg    [rbx + 24], r13
        mov     rax, 0x123456789a
        mov     [rbx + 200], rax
        movabs  al, [data]
        mov     ecx, 17
        mul     rcx
        div     rcx
        enter   32, 0
        mov     [rbp - 8], r12
        leave
        mov     eax, 1
        xor     ecx, ecx
        cpuid
        mov     eax, 1
        xor     ebx, ebx
        lea     rbx, [rip + data]
        xor     ecx, ecx
        xor     edx, edx
        fld1
        fadd    qword ptr [rbx + 216]
        fstp    qword ptr [rbx + 224]
        movdqu  xmm3, [rbx]
        paddq   xmm3, [rip + vector]
        movdqu  [rbx + 240], xmm3
        mov     eax, fs:[rip + data + 4]
        push    0xcd5
        popf
        pushf
        pop     r10
        and     r10, 0xcd5
        cld
        sub     rsp, 16
        mov     qword ptr [rsp], 77
        pop     qword ptr [rsp + 8]
        pop     r11
        xor     r11d, r11d
        test    r12, r12
        je      never
        jne     2f
never:
        hlt
2:
        mov     eax, 60
        mov     edi, 9
        syscall
        mov     rcx, r12
        xor     r11d, r11d
        int3
        hlt
leaf:
        lea     r12, [r12 + 5]
        ret     0
        .balign 16
vector: .quad 11, 12
pointer: .quad leaf
        .balign 4096
data:   .quad 4, 5, 6, 7, 8, 9, 10, 11, 12
        .fill   144, 1, 1
        .double 2.5
        .balign 4096
