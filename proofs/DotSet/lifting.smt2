; DotSet: lifting
; unsat means proved
(set-logic ALL)
(declare-fun |x0.number| () Int)
(declare-fun |x0.replica| () Int)
(declare-fun |a| (Int Int) Bool)
(declare-fun |b| (Int Int) Bool)
(declare-fun |b.seen| (Int Int) Bool)
(declare-fun |a.seen| (Int Int) Bool)
(define-fun t!1 () Bool (|a| |x0.replica| |x0.number|))
(define-fun t!2 () Bool (|b| |x0.replica| |x0.number|))
(assert (not (or (not (or (and t!1 t!2) (and t!1 (not (|b.seen| |x0.replica| |x0.number|))) (and t!2 (not (|a.seen| |x0.replica| |x0.number|))))) t!1 t!2)))
(check-sat)
