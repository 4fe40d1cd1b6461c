; MaxMap: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |o| () Int)
(declare-fun |a.obs| (Int Int) Bool)
(declare-fun |b.obs| (Int Int) Bool)
(assert (not (= (or (|a.obs| |k0| |o|) (|b.obs| |k0| |o|)) (or (|b.obs| |k0| |o|) (|a.obs| |k0| |o|)))))
(check-sat)
