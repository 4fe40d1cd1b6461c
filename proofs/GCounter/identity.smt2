; GCounter: identity
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a.counts| (Int) Int)
(assert (<= 0 (|a.counts| |k0|)))
(assert (not (= (|a.counts| |k0|) (ite (< (|a.counts| |k0|) 0) 0 (|a.counts| |k0|)))))
(check-sat)
