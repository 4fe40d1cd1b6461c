; VersionVector: identity
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a| (Int) Int)
(assert (<= 0 (|a| |k0|)))
(assert (not (= (|a| |k0|) (ite (< (|a| |k0|) 0) 0 (|a| |k0|)))))
(check-sat)
