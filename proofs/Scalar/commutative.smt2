; Scalar: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |o| () Int)
(declare-fun |a.register.obs| (Int) Bool)
(declare-fun |b.register.obs| (Int) Bool)
(declare-fun |o!1| () Int)
(declare-fun |a.counter.obs| (Int) Bool)
(declare-fun |b.counter.obs| (Int) Bool)
(assert (not (and (= (or (|a.register.obs| |o|) (|b.register.obs| |o|)) (or (|b.register.obs| |o|) (|a.register.obs| |o|))) (= (or (|a.counter.obs| |o!1|) (|b.counter.obs| |o!1|)) (or (|b.counter.obs| |o!1|) (|a.counter.obs| |o!1|))))))
(check-sat)
