; ORSetRefinement: theorem same_dots
; unsat means proved
(set-logic ALL)
(declare-fun |e| () Int)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(declare-fun |s.adds| (Int Int Int) Bool)
(declare-fun |s.slow.added| (Int Int Int) Bool)
(declare-fun |s.slow.removed| (Int Int Int) Bool)
(define-fun t!1 () Bool (= (|s.adds| |e| |k0.replica| |k0.number|) (and (|s.slow.added| |e| |k0.replica| |k0.number|) (not (|s.slow.removed| |e| |k0.replica| |k0.number|)))))
(assert (not t!1))
(assert t!1)
(check-sat)
