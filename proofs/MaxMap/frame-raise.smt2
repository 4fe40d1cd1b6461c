; MaxMap: frame raise
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |k0| () Int)
(declare-fun |o| () Int)
(declare-fun |t.obs| (Int Int) Bool)
(declare-fun |Max.delta.obs| (Int) Bool)
(assert (not (or (= |k| |k0|) (= (|t.obs| |k0| |o|) (or (|t.obs| |k0| |o|) (and (= |k| |k0|) (|Max.delta.obs| |o|)))))))
(check-sat)
