; DotSet: frame clear
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |d| () Int)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(declare-fun |this| (Int Int) Bool)
(declare-fun |t| (Int Int) Bool)
(define-fun t!1 () Bool (|this| |k0.replica| |k0.number|))
(define-fun t!2 () Bool (|t| |k0.replica| |k0.number|))
(assert (not (or t!1 (= t!2 (and t!2 (not (or (and (= |r| |k0.replica|) (= |d| |k0.number|)) t!1)))))))
(assert (or (not t!2) (not (= |r| |k0.replica|)) (< |k0.number| |d|)))
(check-sat)
